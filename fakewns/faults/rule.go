package faults

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/faultspec"
)

// Rule is a fault and the requests it affects, as in configuration files and
// the control API.
type Rule struct {
	// Fault is a line of Parse: "status=503,Retry-After=5 times=3". Its words may
	// not contradict the fields below.
	Fault       string    `json:"fault" yaml:"fault"`
	On          string    `json:"on,omitempty" yaml:"on"`         // token, notification or handshake
	App         string    `json:"app,omitempty" yaml:"app"`       // PFN
	Channel     string    `json:"channel,omitempty" yaml:"-"`     // id or URI
	Device      string    `json:"device,omitempty" yaml:"device"` // DeviceID
	Namespace   string    `json:"namespace,omitempty" yaml:"-"`   // of a lab's devices
	Header      string    `json:"header,omitempty" yaml:"header"` // "Name" or "Name: value"
	Times       int       `json:"times,omitempty" yaml:"times"`   // 0: until it is removed
	Probability float64   `json:"probability,omitempty" yaml:"probability"`
	From        time.Time `json:"from,omitzero" yaml:"-"`
	Until       time.Time `json:"until,omitzero" yaml:"-"`
	For         string    `json:"for,omitempty" yaml:"for"` // a duration, in place of Until
}

// Word is a word that a line may have after the fault.
type Word struct{ Key, Means string }

// Words lists all words.
func Words() []Word {
	return []Word{
		{"on", "the kind of request: token, notification or handshake; by default the fault's own"},
		{"app", "only requests of the app with this PFN"},
		{"channel", "only notifications to this channel, by its id or URI"},
		{"device", "only notifications to the device with this DeviceID"},
		{"namespace", "only notifications to devices of this namespace of a lab"},
		{"header", "only requests with this header: its name, or \"Name: value\""},
		{"times", "how often, from 1 up; without it until the fault is removed"},
		{"probability", "for each matching request, above 0 and up to 1; without it always"},
		{"for", "how long, such as 5m, from when the fault is set"},
	}
}

// words are the keys of Words.
func words() (out []string) {
	for _, w := range Words() {
		out = append(out, w.Key)
	}
	return out
}

// Parse reads a rule from one line (package faultspec): the fault and then words
// such as on=token, app=PFN, device=ID, header=NAME, times=3, probability=0.1,
// for=5m.
func Parse(line string) (Rule, error) {
	r := Rule{Fault: line}
	if err := r.expand(); err != nil {
		return r, err
	}
	_, err := r.Build()
	return r, err
}

// expand moves the words of Fault to the fields.
func (r *Rule) expand() error {
	line, err := faultspec.Read(r.Fault)
	if err != nil {
		return err
	}
	r.Fault = line.Fault
	for _, w := range line.Words {
		text := w.Value.Text()
		if w.Bare || !r.has(w.Key) {
			return line.Unknown(w, words(), names())
		}
		if r.given(w.Key) {
			return fmt.Errorf("%s is given twice", w.Key)
		}
		if text == "" {
			return fmt.Errorf("%s needs a value after its =", w.Key)
		}
		if err := r.set(w.Key, text); err != nil {
			return err
		}
	}
	return nil
}

func names() (out []string) {
	for _, k := range All() {
		out = append(out, k.Name)
	}
	return out
}

// texts are the fields of words that are texts.
func (r *Rule) texts() map[string]*string {
	return map[string]*string{"on": &r.On, "app": &r.App, "channel": &r.Channel, "device": &r.Device, "namespace": &r.Namespace, "header": &r.Header, "for": &r.For}
}

func (r *Rule) has(key string) bool {
	return r.texts()[key] != nil || key == "times" || key == "probability"
}

func (r *Rule) given(key string) bool {
	switch key {
	case "times":
		return r.Times != 0
	case "probability":
		return r.Probability != 0
	}
	return *r.texts()[key] != ""
}

func (r *Rule) set(key, text string) (err error) {
	switch key {
	case "times":
		if r.Times, err = strconv.Atoi(text); err != nil || r.Times < 1 {
			return fmt.Errorf("times=%s is not a number from 1 up", text)
		}
	case "probability":
		if r.Probability, err = strconv.ParseFloat(text, 64); err != nil || !(r.Probability > 0 && r.Probability <= 1) {
			return fmt.Errorf("probability=%s is not a probability from 0 to 1", text)
		}
	default:
		*r.texts()[key] = text
	}
	return nil
}

// Build makes the fault, for the requests that the rule names.
func (r Rule) Build() (fakewns.Fault, error) {
	if err := r.expand(); err != nil {
		return fakewns.Fault{}, err
	}
	f, k, err := build(r.Fault)
	if err != nil {
		return f, err
	}
	switch on := fakewns.Kind(r.On); on {
	case "":
	case fakewns.Token, fakewns.Notification, fakewns.Handshake:
		if !k.applies(on) {
			return f, fmt.Errorf("fault %s does not apply to a %s", k.Name, on)
		}
		f.On = on
	default:
		return f, fmt.Errorf("on %q is not token, notification or handshake", r.On)
	}
	if r.Times < 0 || math.IsNaN(r.Probability) || r.Probability < 0 || r.Probability > 1 {
		return f, fmt.Errorf("fault %s: times must be 0 or more, and probability from 0 to 1", r.Fault)
	}
	if err := r.checkHeader(); err != nil {
		return f, err
	}
	if r.Namespace != "" && f.On != fakewns.Notification {
		return f, fmt.Errorf("fault %s: a namespace has devices, and a %s is of no device", k.Name, f.On)
	}
	f.Namespace = r.Namespace
	f.App, f.Channel, f.Device, f.Header, f.Times, f.Probability = r.App, r.Channel, r.Device, r.Header, r.Times, r.Probability
	f.From, f.Until = r.From, r.Until
	if r.For != "" {
		if f.For, err = faultspec.Duration(r.For, 0); err != nil {
			return f, fmt.Errorf("for: %w", err)
		}
		f.Until = time.Time{}
	}
	return f, nil
}

func (r *Rule) checkHeader() error {
	name, _, _ := strings.Cut(r.Header, ":")
	if r.Header != "" && !httpguts.ValidHeaderFieldName(strings.TrimSpace(name)) {
		return errors.New("header: " + strconv.Quote(r.Header) + " is not of the form Name or \"Name: value\"")
	}
	return nil
}
