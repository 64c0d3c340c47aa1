package transport_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"

	"github.com/class5-go/class5/sip/transport"
)

// A TLS listener with certificates for several domains, tickets that a second
// node takes too, and peers that may show who they are.
func ExampleCertificates() {
	certs, err := transport.LoadCertificates(
		transport.KeyPair{Certificate: "carrier.pem", Key: "carrier.key"},
		transport.KeyPair{Certificate: "reseller.pem", Key: "reseller.key"},
	)
	if err != nil {
		fmt.Println(err) // later: certs.Reload()
		return
	}
	tickets, err := transport.NewTicketKeys(0, []byte("32 random bytes that both nodes have"))
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = transport.ListenerConfig{
		Protocol: transport.TLS, Addr: netip.MustParseAddrPort("192.0.2.1:5061"),
		TLS:        &tls.Config{GetCertificate: certs.GetCertificate},
		Tickets:    tickets,
		ClientAuth: transport.ClientAuthRequest, ClientCAs: x509.NewCertPool(),
		DialTLS:   &tls.Config{GetClientCertificate: certs.GetClientCertificate},
		ProxyFrom: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/28")},
	}
}
