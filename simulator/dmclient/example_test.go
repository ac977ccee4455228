package dmclient_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver"
)

// A device enrolls, is told a PFN in its first session, and is woken by a raw
// notification. The reference server stands where your server would; here the
// notification is sent by the test itself.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	// Your MDM server goes here.
	front := httptest.NewUnstartedServer(nil)
	front.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	front.StartTLS()
	defer front.Close()
	server, err := mdmserver.New(mdmserver.Config{BaseURL: front.URL, Username: "demo", Password: "demo", PFN: fakewns.DefaultApp.PFN})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	front.Config.Handler = server

	roots := x509.NewCertPool()
	roots.AddCert(front.Certificate())
	wake := make(chan func([]byte), 1)
	d, err := dmclient.New(dmclient.Config{
		Discovery: front.URL + mdmserver.DiscoveryPath, Username: "demo", Password: "demo", Roots: roots,
		Identity: dmclient.NewIdentity(rand.New(rand.NewPCG(1, 2))), WNS: tap{fakewns.New(fakewns.Config{}), wake},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := d.Enroll(ctx, dmclient.EnrollOptions{}); err != nil {
		fmt.Println(err)
		return
	}
	if _, err := d.Sync(ctx, dmclient.SyncOptions{Origin: dmclient.OriginEnrollment}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("the server set", d.PFN())

	go d.Run(ctx)
	mark := d.SessionCount()
	(<-wake)([]byte("wake up")) // what a notification to d.ChannelURI() does
	s, err := d.AwaitSession(ctx, mark, time.Minute, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("woken by push:", s.Origin == dmclient.OriginPush)
	// Output:
	// the server set 52314publisher.testwns_t6e9vsyjkrw9w
	// woken by push: true
}

// tap is a push service that hands out what wakes the device.
type tap struct {
	*fakewns.Server
	wake chan func([]byte)
}

func (t tap) OpenChannel(ctx context.Context, device, pfn string, wake func([]byte)) (string, time.Time, error) {
	t.wake <- wake
	return t.Server.OpenChannel(ctx, device, pfn, wake)
}
