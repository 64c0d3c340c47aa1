package digest

import "testing"

// RFC 7616 §3.9.1 and, with the user name of §3.9.2 in the clear, the vector
// for SHA-512-256 computed by an independent implementation (Python hashlib).
func TestResponseOfRFC7616(t *testing.T) {
	const (
		user, realm, password = "Mufasa", "http-auth@example.org", "Circle of Life"
		nonce                 = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
		cnonce                = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
	)
	tests := []struct {
		algorithm Algorithm
		want      string
	}{
		{MD5, "8ca523f5e9506fed4657c9700eebdbec"},
		{SHA256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
		{SHA512256, "430d05014cecc49cab6fbe03176d41a1da86cbfe24a16580e22aaad928d960d0"},
	}
	for _, tt := range tests {
		t.Run(tt.algorithm.String(), func(t *testing.T) {
			in := input{
				algorithm: tt.algorithm, qop: QOPAuth, method: []byte("GET"), uri: []byte("/dir/index.html"),
				nonce: []byte(nonce), nc: []byte("00000001"), cnonce: []byte(cnonce),
			}
			got, _ := in.appendResponse(nil, nil, []byte(HA1(tt.algorithm, user, realm, password)))
			if string(got) != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// RFC 2617 §3.5 is the example every MD5 implementation knows.
func TestResponseOfRFC2617(t *testing.T) {
	in := input{
		algorithm: MD5, qop: QOPAuth, method: []byte("GET"), uri: []byte("/dir/index.html"),
		nonce: []byte("dcd98b7102dd2f0e8b11d0f600bfb0c093"), nc: []byte("00000001"), cnonce: []byte("0a4f113b"),
	}
	got, _ := in.appendResponse(nil, nil, []byte(HA1(MD5, "Mufasa", "testrealm@host.com", "Circle Of Life")))
	if want := "6629fae49393a05397450978507c4ef1"; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := HA1(MD5, "Mufasa", "testrealm@host.com", "Circle Of Life"), "939e7578ed9e3c518a452acee763bce9"; got != want {
		t.Errorf("HA1 %s, want %s", got, want)
	}
}

// auth-int by hand: A2 has the digest of the body behind the URI.
func TestResponseWithIntegrity(t *testing.T) {
	in := input{
		algorithm: SHA256, qop: QOPInt, method: []byte("INVITE"), uri: []byte("sip:bob@example.com"), body: []byte("v=0\r\n"),
		nonce: []byte("n"), nc: []byte("0000000a"), cnonce: []byte("c"),
	}
	got, _ := in.appendResponse(nil, nil, []byte(HA1(SHA256, "alice", "example.com", "secret")))
	if want := "342056b6056ba647bf8a6f7593fc8de0d70cea23f765a7922dfda9128079b0cc"; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
