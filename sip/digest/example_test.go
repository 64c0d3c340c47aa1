package digest_test

import (
	"context"
	"fmt"
	"time"

	"github.com/class5-go/class5/sip/digest"
	"github.com/class5-go/class5/sip/wire"
)

// directory knows one user by his HA1.
type directory struct{ ha1 string }

func (d directory) HA1(_ context.Context, dst, user []byte, _ string, a digest.Algorithm) ([]byte, error) {
	if string(user) != "alice" || a != digest.SHA256 {
		return dst, digest.ErrUnknownUser
	}
	return append(dst, d.ha1...), nil
}

const register = "REGISTER sip:example.com SIP/2.0\r\n" +
	"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n" +
	"From: <sip:alice@example.com>;tag=1\r\n" +
	"To: <sip:alice@example.com>\r\n" +
	"Call-ID: 1\r\n"

// A server challenges a request, a client answers, the server is content.
func Example() {
	now := time.Now()
	ctx := context.Background()
	server, err := digest.NewServer(digest.Config{
		Keys:        digest.RandomKeys(),
		Credentials: directory{digest.HA1(digest.SHA256, "alice", "example.com", "open sesame")},
	}, now)
	if err != nil {
		fmt.Println(err)
		return
	}

	var request wire.Message
	if err := request.Parse([]byte(register+"CSeq: 1 REGISTER\r\n\r\n"), nil); err != nil {
		fmt.Println(err)
		return
	}
	res := server.Verify(ctx, &request, &digest.Exchange{Role: digest.Origin, Realm: "example.com", Now: now})
	fmt.Println(res.Outcome, server.Status(digest.Origin, res.Outcome))
	reply, err := server.AppendResponse(nil, &request, &digest.Exchange{Role: digest.Origin, Realm: "example.com", Now: now}, res.Outcome, "tag")
	if err != nil {
		fmt.Println(err)
		return
	}

	var response wire.Message
	if err := response.Parse(reply, nil); err != nil {
		fmt.Println(err)
		return
	}
	client := digest.Client{User: "alice", Password: "open sesame"}
	header, err := client.Challenged(&response)
	if err != nil {
		fmt.Println(err)
		return
	}
	again := []byte(register + "CSeq: 2 REGISTER\r\n" + header.Name() + ": ")
	again = client.AppendAuthorization(again, "REGISTER", request.RequestURI(), nil)
	if err := request.Parse(append(again, "\r\n\r\n"...), nil); err != nil {
		fmt.Println(err)
		return
	}
	res = server.Verify(ctx, &request, &digest.Exchange{Role: digest.Origin, Realm: "example.com", Now: now})
	fmt.Printf("%v %s %v\n", res.Outcome, res.User, res.Algorithm)
	// Output:
	// no-credentials 401
	// ok alice SHA-256
}
