package ng

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/sdp"
	"github.com/class5-go/class5/media/srtp"
	"github.com/class5-go/class5/media/srtp/sdes"
)

func TestOptionsOfAMessage(t *testing.T) {
	for name, c := range map[string]struct {
		in   Dict
		want func(o *Options)
	}{
		"as Kamailio writes them": {
			Of("command", "offer", "call-id", "x", "supports", List{"load limit"}, "ICE", "remove", "direction", List{"pub", "priv"},
				"replace", List{"origin", "session-connection"}, "codec", Of("mask", List{"G722"}, "transcode", List{"PCMA", "opus/48000/2"}),
				"transport-protocol", "RTP/AVP", "rtcp-mux", List{"demux"}, "SDES", List{"off"}, "via-branch", "z9", "received-from", List{"IP4", "192.0.2.7"}),
			func(o *Options) {
				o.ICE, o.FromInterface, o.ToInterface = bridge.ICERemove, "pub", "priv"
				o.Replace.SessionConnection = true
				o.Replace.Origin, o.Transport, o.RTCPMux.Demux, o.SDES.Off = true, "RTP/AVP", true, true
				o.Codec.Mask, o.Codec.Transcode = []string{"G722"}, []string{"PCMA", "opus/48000/2"}
				o.Source = netip.MustParseAddr("192.0.2.7")
			},
		},
		"lists as strings": {
			Of("SDES", "off", "rtcp-mux", "offer,require", "replace", "origin,username,", "flags", "trust address,single codec", "ICE", "force"),
			func(o *Options) {
				o.SDES.Off, o.RTCPMux.Offer, o.RTCPMux.Require, o.ICE = true, true, true, bridge.ICEForce
				o.Replace.Origin, o.Replace.Username, o.SingleCodec = true, true, true
			},
		},
		"words of the flags list": {
			Of("flags", List{"trust address", "codec-strip-telephone-event", "codec-transcode-iLBC/8000/1///mode--30", "SDES-no-NULL_HMAC_SHA1_32",
				"SDES-order:AES_256_CM_HMAC_SHA1_80;AEAD_AES_128_GCM;", "rtcp-mux-offer", "ICE-force", "OSRTP-accept", "no rtcp attribute", "single codec",
				"replace-SDP-version", "sdp-attr-substitute-none-sendrecv>send..only", "endpoint-learning-delayed", "strict-source", "sdp-media-remove-video"}),
			func(o *Options) {
				o.Codec.Strip, o.Codec.Transcode = []string{"telephone-event"}, []string{"iLBC/8000/1///mode=30"}
				o.SDES.No, o.SDES.Order = []srtp.Suite{srtp.NullSHA132}, []srtp.Suite{srtp.AES256SHA180, srtp.GCM128}
				o.RTCPMux.Offer, o.ICE, o.OSRTP = true, bridge.ICEForce, sdes.OSRTP{Accept: true, AcceptLegacy: true}
				o.NoRTCPAttribute, o.SingleCodec, o.Replace.Version = true, true, true
				o.Attributes.Session.Substitute = [][2]string{{"sendrecv", "send only"}}
				o.Learning, o.StrictSource, o.RemoveMedia = "delayed", true, []string{"video"}
			},
		},
		"the rest": {
			Of("SDES", List{"UNENCRYPTED_SRTP", "encrypted_srtcp", "only-AEAD_AES_256_GCM"}, "DTLS", "passive", "DTLS-fingerprint", "SHA-1", "ptime", 30, "TOS", "46",
				"sdp-attr", Of("audio", Of("add", List{"x:1"}, "remove", List{"rtpmap:8"}, "substitute", List{List{"a", "b"}, List{"c", "d"}}), "none", Of("substitute", List{"e", "f"})),
				"address family", "IP6", "media address", "2001:db8::1", "SIP code", 183, "DTMF-security", "tone", "frequencies", "400,500", "delete delay", 0,
				"record call", "yes", "delay-buffer", 100, "bundle", List{"accept"}, "T.38", List{"decode", "no-V.17"}, "extmap", Of("strip", List{"all"})),
			func(o *Options) {
				o.SDES.UnencryptedRTP, o.SDES.UnencryptedRTCP, o.SDES.OnlyThese, o.SDES.Only = sdes.Set, sdes.Remove, true, []srtp.Suite{srtp.GCM256}
				o.DTLS, o.Fingerprint, o.Ptime, o.TOS = bridge.DTLSPassive, "SHA-1", 30*time.Millisecond, 46
				o.Attributes.Audio = sdp.AttributeEdit{Add: []string{"x:1"}, Remove: []string{"rtpmap:8"}, Substitute: [][2]string{{"a", "b"}, {"c", "d"}}}
				o.Attributes.Session.Substitute = [][2]string{{"e", "f"}}
				o.Family, o.MediaAddress, o.Early = bridge.IPv6, netip.MustParseAddr("2001:db8::1"), true
				o.DTMF.Mode, o.DTMF.Frequencies, o.HasDeleteDelay, o.Record = "tone", []int{400, 500}, true, "on"
				o.DelayBuffer, o.HasDelayBuffer, o.Bundle.Accept = 100*time.Millisecond, true, true
				o.T38.Decode, o.T38.NoV17, o.StripExtensions = true, true, []string{"all"}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			want := Options{TOS: -1}
			c.want(&want)
			got, warnings := ParseOptions(c.in)
			if len(warnings) > 0 {
				t.Errorf("warnings %q", warnings)
			}
			if d := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{})); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestWhatIsNotUnderstoodIsTold(t *testing.T) {
	for _, d := range []Dict{
		Of("flags", List{"make-coffee"}), Of("make-coffee", 1), Of("replace", List{"coffee"}), Of("ICE", "cold"), Of("codec", "PCMA"),
		Of("codec", Of("boil", "x")), Of("received-from", "192.0.2.1"), Of("received-from", List{"IP4", "x"}), Of("ptime", "many"), Of("ptime", 100000), Of("TOS", 300),
		Of("direction", "one"), Of("DTLS", "maybe"), Of("sdp-attr", Of("fax", Of("add", "x"))), Of("SDES", List{"AES"}), Of("endpoint-learning", "slow"),
		Of("flags", List{"codec-boil-x"}), Of("flags", List{"sdp-attr-add-fax-x"}), Of("frequencies", "1,x"), Of("address-family", "IP5"), Of("record-call", "x"),
	} {
		if _, warnings := ParseOptions(d); len(warnings) != 1 {
			t.Errorf("%v: warnings %q", d, warnings)
		}
	}
	many := List{}
	for range 1000 {
		many = append(many, "nonsense")
	}
	if _, warnings := ParseOptions(Of("flags", many)); len(warnings) != 16 {
		t.Errorf("%d warnings", len(warnings))
	}
}

// What is written is what is read.
func TestOptionsThroughAMessage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawOptions(t)
		for _, f := range []Format{Bencode, JSON} {
			d := Of("command", "offer")
			want.Set(&d)
			d, _, err := Parse(Append(nil, d, f))
			if err != nil {
				t.Fatal(err)
			}
			got, warnings := ParseOptions(d)
			if len(warnings) > 0 {
				t.Fatalf("warnings %q", warnings)
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{}), cmpopts.EquateEmpty()); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}

// drawOptions fills every field at random, so that one that is forgotten in
// writing or reading shows.
func drawOptions(t *rapid.T) Options {
	o := Options{TOS: rapid.IntRange(-1, 255).Draw(t, "tos")}
	fill(t, reflect.ValueOf(&o).Elem(), "")
	o.TransportAccept = o.Transport == "" && o.TransportAccept
	o.FinalResponse = o.FinalResponse && !o.Early
	o.SDES.OnlyThese = o.SDES.OnlyThese || len(o.SDES.Only) > 0
	o.Learning = rapid.SampledFrom([]string{"", "off", "delayed"}).Draw(t, "learning")
	for _, s := range []*string{&o.Record, &o.GenerateRTCP} {
		*s = rapid.SampledFrom([]string{"", "on", "off"}).Draw(t, "on or off")
	}
	if !o.HasDelayBuffer {
		o.DelayBuffer = 0
	}
	if !o.HasDeleteDelay {
		o.DeleteDelay = 0
	}
	o.DeleteDelay = o.DeleteDelay.Truncate(time.Second)
	return o
}

func fill(t *rapid.T, v reflect.Value, name string) {
	switch x := v.Addr().Interface().(type) {
	case *netip.Addr:
		*x = rapid.SampledFrom([]netip.Addr{{}, netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}).Draw(t, name)
		return
	case *netip.AddrPort:
		*x = rapid.SampledFrom([]netip.AddrPort{{}, netip.MustParseAddrPort("192.0.2.1:9000")}).Draw(t, name)
		return
	case *time.Duration:
		most := 3600000
		if strings.HasPrefix(name, "Ptime") {
			most = 1000
		}
		*x = time.Duration(rapid.IntRange(0, most).Draw(t, name)) * time.Millisecond
		return
	case *bridge.DTLSMode:
		*x = bridge.DTLSMode(rapid.IntRange(0, 3).Draw(t, name))
		return
	case *bridge.ICEMode, *bridge.LiteMode:
		v.SetUint(uint64(rapid.IntRange(0, 4).Draw(t, name)))
		return
	case *srtp.Suite:
		*x = rapid.SampledFrom(srtp.Suites()).Draw(t, name)
		return
	case *sdes.Change:
		*x = sdes.Change(rapid.IntRange(0, 2).Draw(t, name))
		return
	case *bridge.Family:
		*x = bridge.Family(rapid.IntRange(0, 2).Draw(t, name))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), v.Type().Field(i).Name)
		}
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, name))
	case reflect.Int:
		if name != "TOS" {
			v.SetInt(int64(rapid.IntRange(0, 9).Draw(t, name)))
		}
	case reflect.String:
		v.SetString(rapid.SampledFrom([]string{"", "a1", "b/2"}).Draw(t, name))
	case reflect.Slice, reflect.Pointer:
		if rapid.Bool().Draw(t, name) {
			return
		}
		if v.Kind() == reflect.Pointer {
			v.Set(reflect.New(v.Type().Elem()))
			fill(t, v.Elem(), name)
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), elements(t, v, name), 2))
		for i := range v.Len() {
			fillElement(t, v.Index(i), name)
		}
	}
}

// elements is how long a list is: sets of suites hold each once.
func elements(t *rapid.T, v reflect.Value, name string) int {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		return 1
	}
	return rapid.IntRange(1, 2).Draw(t, name)
}

// fillElement fills an element of a list: never an empty one, which means
// nothing there.
func fillElement(t *rapid.T, v reflect.Value, name string) {
	switch v.Kind() {
	case reflect.Uint8:
		v.SetUint(uint64(srtp.GCM256) + uint64(name[0]%2)) // each suite once
	case reflect.String:
		v.SetString(rapid.SampledFrom([]string{"a1", "b/2"}).Draw(t, name))
	case reflect.Int:
		v.SetInt(int64(rapid.IntRange(1, 999).Draw(t, name)))
	case reflect.Array:
		for i := range v.Len() {
			fillElement(t, v.Index(i), name)
		}
	}
}
