package shots

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// call is a call of the lab that has devices.
func (s *stage) call(path, body string) (out map[string]any) {
	resp, err := http.Post("http://"+s.devices+path, "application/json", strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		s.t.Fatalf("%s: %s %s %v", path, resp.Status, raw, err)
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		s.t.Fatal(err)
	}
	return out
}

// console is the list of devices that live in the lab, some of them woken by a push.
func (s *stage) console() string {
	for i, profile := range []string{"win11-25h2", "win11-24h2", "win10-22h2", "wp81", "win11-25h2", "win11-24h2"} {
		d := s.call("/v1/devices", fmt.Sprintf(`{"key":"ec","profile":%q,"ids":{"name":"PC-%02d"},"enroll":{"password":"demo"}}`, profile, i+1))
		id := fmt.Sprint(d["id"])
		s.call("/v1/devices/"+id+"/enroll", "")
		s.call("/v1/devices/"+id+"/wait", `{"for":"channel"}`)
		s.call("/v1/devices/"+id+"/sync", "")
		if i%2 == 0 {
			s.post("http://"+s.admin+"/devices/"+id+"/commands", `{"verb":"Replace","locURI":"./Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength","format":"int","data":"8"}`)
			s.post("http://"+s.admin+"/devices/"+id+"/push", "")
			s.call("/v1/devices/"+id+"/wait", `{"for":"session","origin":"push"}`)
			s.woken = id
		}
	}
	return "http://" + s.devices + "/console/devices"
}

// session is the session of a device that a push woke.
func (s *stage) session() string {
	d := s.call("/v1/devices/"+s.woken+"/wait", `{"for":"state","state":"enrolled"}`)
	device, _ := d["device"].(map[string]any)
	return fmt.Sprintf("http://%s/console/devices/%s/sessions/%v", s.devices, s.woken, device["sessions"])
}
