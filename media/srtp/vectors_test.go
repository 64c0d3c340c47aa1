package srtp

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The key derivations of RFC 3711 B.3 and RFC 6188 sections 7.2 and 7.4.
func TestDerive(t *testing.T) {
	for name, v := range map[string]struct{ key, salt, cipher, sessionSalt, auth string }{
		"RFC 3711 B.3": {
			"E1F97A0D3E018BE0D64FA32C06DE4139", "0EC675AD498AFEEBB6960B3AABE6",
			"C61E7A93744F39EE10734AFE3FF7A087", "30CBBC08863D8C85D49DB34A9AE1",
			`CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCE
			 E049646C43D9327AD175578EF72270986371C10C9A369AC2F94A8C5FBCDDDC25
			 6D6E919A48B610EF17C2041E474035766B68642C59BBFC2F34DB60DBDFB2`,
		},
		"RFC 6188 7.2": {
			"f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6", "3b04803de51ee7c96423ab5b78d2",
			"5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4", "fa31791685ca444a9e07c6c64e93",
			"fd9c32d39ed5fbb5a9dc96b30818454d1313dc05",
		},
		"RFC 6188 7.4": {
			"73edc66c4fa15776fb57f9505c17136550ffda71f3e8e5f1", "c8522f3acd4ce86d5add78edbb11",
			"31874736a8f1143870c26e4857d8a5b2c4a354407faadabb", "2372b82d639b6d8503a47adc0a6c",
			"355b10973cd95b9eacf4061c7e1a7151e7cfbfcb",
		},
	} {
		for label, want := range map[byte]string{labelRTPKey: v.cipher, labelRTPSalt: v.sessionSalt, labelRTPAuth: v.auth} {
			w := unhex(t, want)
			got, err := derive(unhex(t, v.key), unhex(t, v.salt), label, len(w))
			if err != nil || !bytes.Equal(got, w) {
				t.Errorf("%s label %d: %x, %v; want %x", name, label, got, err, w)
			}
		}
	}
}

// The key streams of RFC 3711 B.2 and RFC 6188 sections 7.1 and 7.3: SSRC and
// index are zero. The RFC's stream is long enough to see the block counter
// carry into the second octet.
func TestCounterMode(t *testing.T) {
	const salt = "f0f1f2f3f4f5f6f7f8f9fafbfcfd"
	for name, v := range map[string]struct {
		key, first, last string
	}{
		"RFC 3711 B.2": {
			"2B7E151628AED2A6ABF7158809CF4F3C",
			"E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0",
			"EC8CDF7398607CB0F2D21675EA9EA1E4 362B7C3C6773516318A077D7FC5073AE 6A2CC3787889374FBEB4C81B17BA6C44",
		},
		"RFC 6188 7.1": {
			"57f82fe3613fd170a85ec93c40b1f0922ec4cb0dc025b58272147cc438944a98",
			"92bdd28a93c3f52511c677d08b5515a4 9da71b2378a854f67050756ded165bac 63c4868b7096d88421b563b8c94c9a31",
			"cea518c90fd91ced9cbb18c078a54711 3dbc4814f4da5f00a08772b63c6a046d 6eb246913062a16891433e97dd01a57f",
		},
		"RFC 6188 7.3": {
			"eab234764e517b2d3d160d587d8c86219740f65f99b6bcf7",
			"35096cba4610028dc1b57503804ce37c 5de986291dcce161d5165ec4568f5c9a 474a40c77894bc17180202272a4c264d",
			"d108d1a31a00bad6367ec23eb044b415 c8f57129fdeb970b59f917b257662d4c a5dab625811034e8cebdfeb6dc158dd3",
		},
	} {
		block, err := aes.NewCipher(unhex(t, v.key))
		if err != nil {
			t.Fatal(err)
		}
		c := &counterMode{rtpHalf: half{block: block}}
		copy(c.rtpHalf.salt[:], unhex(t, salt))
		stream := make([]byte, 0xff02*16)
		c.xor(&c.rtpHalf, stream, 0, 0)
		if want := unhex(t, v.first); !bytes.Equal(stream[:len(want)], want) {
			t.Errorf("%s: stream begins %x, want %x", name, stream[:len(want)], want)
		}
		if want := unhex(t, v.last); !bytes.Equal(stream[0xfeff*16:], want) {
			t.Errorf("%s: stream ends %x, want %x", name, stream[0xfeff*16:], want)
		}
	}
}

// RFC 3711 B.1; its salt is shorter than that of a suite.
func TestF8Vector(t *testing.T) {
	keys, err := f8From(unhex(t, "234829008467be186c3de14aae72d62c"), unhex(t, "32f2870d"))
	if err != nil {
		t.Fatal(err)
	}
	c := &f8{rtpKeys: keys}
	pkt := unhex(t, `806e5cba50681de55c621599
		70736575646f72616e646f6d6e65737320697320746865206e6578742062657374207468696e67`)
	c.rtp(pkt, 12, len(pkt), 0xd462564a<<16|0x5cba)
	want := unhex(t, "019ce7a26e7854014a6366aa95d4eefd1ad4172a14f9faf455b7f1d4b62bd08f562c0eef7c4802")
	if !bytes.Equal(pkt[12:], want) {
		t.Errorf("%x, want %x", pkt[12:], want)
	}
}

func gcmWith(t *testing.T, key, salt string) *gcmEngine {
	t.Helper()
	block, err := aes.NewCipher(unhex(t, key))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	e := &gcmEngine{rtp: aead, rtcp: aead}
	copy(e.saltRTP[:], unhex(t, salt))
	copy(e.saltRTCP[:], unhex(t, salt))
	return e
}

const (
	gcmKey128 = "000102030405060708090a0b0c0d0e0f"
	gcmKey256 = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	gcmSalt   = "517569642070726f2071756f"
)

// RFC 7714 section 16: RTP.
func TestGCMVectorsRTP(t *testing.T) {
	plain := unhex(t, `8040f17b8041f8d35501a0b2
		47616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573`)
	for key, want := range map[string]string{
		gcmKey128: `8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833
			899d7f27beb16a9152cf765ee4390cce`,
		gcmKey256: `8040f17b8041f8d35501a0b232b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b
			7aa3db36dfffd6b0f9bb7878d7a76c13`,
	} {
		e := gcmWith(t, key, gcmSalt)
		buf := append(bytes.Clone(plain), make([]byte, gcmTag)...)
		n, err := e.SealRTP(buf, 12, len(plain), 0xf17b)
		if err != nil || !bytes.Equal(buf[:n], unhex(t, want)) {
			t.Errorf("%d bits: %x, %v", len(key)*4, buf[:n], err)
		}
		n, err = e.OpenRTP(buf[:n], 12, 0xf17b)
		if err != nil || !bytes.Equal(buf[:n], plain) {
			t.Errorf("%d bits: back %x, %v", len(key)*4, buf[:n], err)
		}
	}
}

// RFC 7714 section 17: RTCP, encrypted and in the clear.
func TestGCMVectorsRTCP(t *testing.T) {
	plain := unhex(t, `81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61
		deadbeefdeadbeefdeadbeefdeadbeefdeadbeef`)
	for _, v := range []struct {
		key   string
		clear bool
		want  string
	}{
		{gcmKey128, false, `81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded
			0bb9275bc84aa45896cf4d2fc5abf87245d9eade800005d4`},
		{gcmKey256, false, `81c8000d4d617273d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be8415f658c61de047
			6f1b6fad1d1eb30c4446839f57ff6f6cb26ac3be800005d4`},
		{gcmKey128, true, `81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61
			deadbeefdeadbeefdeadbeefdeadbeefdeadbeef 841dd9683dd78ec92ae58790125f62b3000005d4`},
		{gcmKey256, true, `81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61
			deadbeefdeadbeefdeadbeefdeadbeefdeadbeef 91db4afbfeee5a978fab4393ed2615fe000005d4`},
	} {
		e := gcmWith(t, v.key, gcmSalt)
		e.plainRTCP = v.clear
		buf := append(bytes.Clone(plain), make([]byte, gcmTag+indexWord)...)
		n, err := e.SealRTCP(buf, len(plain), 0x5d4)
		if err != nil || !bytes.Equal(buf[:n], unhex(t, v.want)) {
			t.Errorf("%d bits, clear %v: %x, %v", len(v.key)*4, v.clear, buf[:n], err)
		}
		n, err = e.OpenRTCP(buf[:n])
		if err != nil || !bytes.Equal(buf[:n], plain) {
			t.Errorf("%d bits, clear %v: back %x, %v", len(v.key)*4, v.clear, buf[:n], err)
		}
	}
}
