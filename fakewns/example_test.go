package fakewns_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/faults"
)

// sender is the push code of some MDM server: it takes the client to use, as
// code that can be tested does.
type sender struct {
	http  *http.Client
	token string
}

func (s *sender) login(sid, secret string) error {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {sid}, "client_secret": {secret}, "scope": {"notify.windows.com"}}
	resp, err := s.http.PostForm("https://login.live.com/accesstoken.srf", form)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var out struct {
		AccessToken string `json:"access_token"`
	}
	err = json.NewDecoder(resp.Body).Decode(&out)
	s.token = out.AccessToken
	return err
}

func (s *sender) wake(channelURI string) (int, error) {
	req, err := http.NewRequest(http.MethodPost, channelURI, strings.NewReader("x"))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	req.Header.Set("Content-Type", "application/octet-stream")
	req.Header.Set("X-WNS-Type", "wns/raw")
	req.Header.Set("X-WNS-Cache-Policy", "cache")
	resp, err := s.http.Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

// A server's push code against the real names, with nothing changed but its
// client.
func ExampleNewServer() {
	wns := fakewns.NewServer(fakewns.Config{})
	defer wns.Close()
	woken := make(chan struct{}, 1)
	uri, _, err := wns.OpenChannel(context.Background(), "DEVICE-1", fakewns.DefaultApp.PFN, func([]byte) { woken <- struct{}{} })
	if err != nil {
		panic(err)
	}

	s := &sender{http: wns.Client()}
	if err := s.login(fakewns.DefaultApp.PackageSID, fakewns.DefaultApp.Secret); err != nil {
		panic(err)
	}
	status, err := s.wake(uri)
	<-woken
	fmt.Println(status, err)

	// What does the code do when the channel is over?
	wns.CloseChannel(uri)
	status, err = s.wake(uri)
	fmt.Println(status, err)
	// Output:
	// 200 <nil>
	// 410 <nil>
}

// Faults are set for as long as they are wanted, and the journal tells what
// came.
func ExampleServer_Inject() {
	wns := fakewns.NewServer(fakewns.Config{})
	defer wns.Close()
	uri, _, err := wns.OpenChannel(context.Background(), "DEVICE-1", fakewns.DefaultApp.PFN, nil)
	if err != nil {
		panic(err)
	}
	s := &sender{http: wns.Client()}
	if err := s.login(fakewns.DefaultApp.PackageSID, fakewns.DefaultApp.Secret); err != nil {
		panic(err)
	}

	throttled, err := faults.New("status=406,Retry-After=30")
	if err != nil {
		panic(err)
	}
	remove := wns.Inject(throttled)
	first, _ := s.wake(uri)
	remove()
	second, _ := s.wake(uri)
	fmt.Println(first, second)
	for _, e := range wns.Journal().Since(0, func(e *fakewns.Entry) bool { return e.Kind == fakewns.Notification }) {
		fmt.Println(e.Status, e.WNSStatus, e.Fault, len(e.Violations))
	}
	// Output:
	// 406 200
	// 406 dropped status=406,Retry-After=30 0
	// 200 received  0
}
