package fakewns

import (
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"testing"
	"time"
)

// fill gives every exported field of an entry a value of its own.
func fill(t *testing.T, e *Entry) {
	t.Helper()
	v := reflect.ValueOf(e).Elem()
	for i := range v.NumField() {
		f := v.Field(i)
		if !f.CanSet() {
			continue
		}
		switch p := f.Addr().Interface().(type) {
		case *time.Time:
			*p = time.Date(2026, 1, 2, 3, 4, i, 0, time.UTC)
		case *bool:
			*p = true
		case *[]byte:
			*p = []byte{byte(i), 0xff}
		case *http.Header:
			*p = http.Header{"X-Wns-Type": {"raw"}}
		case *url.Values:
			*p = url.Values{"scope": {"s"}}
		case *[]Violation:
			*p = []Violation{{Rule(v.Type().Field(i).Name), "broken"}}
		default:
			switch f.Kind() {
			case reflect.String:
				f.SetString(v.Type().Field(i).Name)
			case reflect.Int, reflect.Int64:
				f.SetInt(int64(i + 1))
			case reflect.Uint64:
				f.SetUint(uint64(i + 1))
			default:
				t.Fatalf("field %s: fill knows no value of type %s", v.Type().Field(i).Name, f.Type())
			}
		}
	}
}

// TestEntryJSON: every exported field of an entry survives a store and a client
// of the control API, as the kind of entry that shows it.
func TestEntryJSON(t *testing.T) {
	for _, kind := range []Kind{Token, Notification, Handshake, Attempt} {
		var in, out Entry
		fill(t, &in)
		in.Kind, in.channelID, in.Target = kind, "its id", "/w/" // another path shows only its length
		raw, err := json.Marshal(&in)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, &out); err != nil {
			t.Fatal(err)
		}
		// What MarshalJSON hides: the URI, and a form that stands in for the body.
		in.Channel = ""
		if kind == Token {
			in.Body = nil
		} else {
			in.Form = nil
		}
		if !reflect.DeepEqual(in, out) {
			t.Errorf("%s: was\n%+v\nis\n%+v", kind, in, out)
		}
	}
}
