package dtlssrtp_test

import (
	"context"
	"fmt"
	"time"

	"github.com/class5-go/class5/media/srtp/dtlssrtp"
)

// Two sides with a certificate each do a handshake over a path that is two
// function calls here, and two sockets elsewhere.
func Example() {
	certificate := func() (dtlssrtp.Certificate, []dtlssrtp.Fingerprint) {
		c, err := dtlssrtp.GenerateCertificate(time.Now(), 30*24*time.Hour)
		if err != nil {
			panic(err)
		}
		f, err := c.Fingerprint("sha-256")
		if err != nil {
			panic(err)
		}
		return c, []dtlssrtp.Fingerprint{f}
	}
	offererCert, offererPrint := certificate()
	answererCert, answererPrint := certificate()
	role, err := dtlssrtp.AnswerSetup("actpass", dtlssrtp.Active)
	if err != nil {
		panic(err)
	}

	toOfferer, toAnswerer := make(chan []byte, 64), make(chan []byte, 64)
	into := func(c chan []byte) func([]byte) error {
		return func(b []byte) error { c <- append([]byte(nil), b...); return nil }
	}
	ctx := context.Background()
	offerer, err := dtlssrtp.Start(ctx, dtlssrtp.Config{
		Role: dtlssrtp.Passive, Certificate: offererCert, Fingerprints: answererPrint, Send: into(toAnswerer),
	})
	if err != nil {
		panic(err)
	}
	defer offerer.Close()
	answerer, err := dtlssrtp.Start(ctx, dtlssrtp.Config{
		Role: role, Certificate: answererCert, Fingerprints: offererPrint, Send: into(toOfferer),
	})
	if err != nil {
		panic(err)
	}
	defer answerer.Close()

	for done := false; !done; {
		select {
		case b := <-toOfferer:
			offerer.Push(b)
		case b := <-toAnswerer:
			answerer.Push(b)
		case <-answerer.Done():
			done = true
		}
	}
	keys, err := answerer.Keys(ctx)
	fmt.Println(role, keys.Suite, len(keys.Local.Key), "octets of key,", err)
	// Output:
	// active AEAD_AES_256_GCM 32 octets of key, <nil>
}
