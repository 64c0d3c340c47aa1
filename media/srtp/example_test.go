package srtp_test

import (
	"fmt"

	"github.com/class5-go/class5/media/srtp"
)

// A sender and a receiver share a key, as SDES or DTLS gives it. The sender's
// state moves to another process, which goes on with the next packet.
func Example() {
	key, salt := make([]byte, 16), make([]byte, 14)
	sender, err := srtp.NewContext(srtp.AES128SHA180, key, salt)
	if err != nil {
		panic(err)
	}
	receiver, err := srtp.NewContext(srtp.AES128SHA180, key, salt)
	if err != nil {
		panic(err)
	}

	send := func(c *srtp.Context, seq byte) []byte {
		buf := make([]byte, 1500)
		n := copy(buf, []byte{0x80, 0, 0, seq, 0, 0, 0, 0, 0, 0, 0, 1, 'h', 'e', 'l', 'l', 'o'})
		n, err := c.Protect(buf, n)
		fmt.Println("protected:", n, "octets,", err)
		return buf[:n]
	}
	pkt := send(sender, 1)
	n, err := receiver.Unprotect(pkt)
	fmt.Printf("received: %s, %v\n", pkt[12:n], err)

	sender.Retire()
	state := sender.Export(nil)
	heir, err := srtp.NewContext(srtp.AES128SHA180, key, salt)
	if err != nil {
		panic(err)
	}
	if err := heir.Import(state); err != nil {
		panic(err)
	}
	send(heir, 1) // the index is used already
	send(heir, 2)

	// Output:
	// protected: 27 octets, <nil>
	// received: hello, <nil>
	// protected: 0 octets, srtp: outgoing index already used
	// protected: 27 octets, <nil>
}
