package sdp_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/class5-go/class5/media/sdp"
)

const twoMedia = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\nm=audio 4000 RTP/AVP 0\r\na=x:1 one\r\na=ptime:20\r\nm=video 4002 RTP/AVP 96\r\n"

func TestSetLines(t *testing.T) {
	d, err := sdp.Parse([]byte(twoMedia), nil)
	if err != nil {
		t.Fatal(err)
	}
	d.SetLines(append(d.Lines(), "a=new\r\na=hidden"))
	m := d.Media(0)
	if m.SetLines([]string{"m=broken"}) || m.SetLines(nil) || m.SetLines([]string{"a=x"}) {
		t.Error("a media description without m= was taken")
	}
	if !m.SetLines([]string{"m=audio 5000 RTP/SAVP 0 8", "a=ptime:20", "a=y"}) {
		t.Fatal("refused")
	}
	if m.Port() != 5000 || m.Proto() != "RTP/SAVP" || len(m.Formats()) != 2 {
		t.Errorf("m= line not read again: %d %s %v", m.Port(), m.Proto(), m.Formats())
	}
	want := "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\na=new\r\nm=audio 5000 RTP/SAVP 0 8\r\na=ptime:20\r\na=y\r\nm=video 4002 RTP/AVP 96\r\n"
	if got := string(d.Bytes()); got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestRemoveAddMedia(t *testing.T) {
	d, err := sdp.Parse([]byte(twoMedia), nil)
	if err != nil {
		t.Fatal(err)
	}
	d.RemoveMedia(0)
	if d.Len() != 1 || d.Media(0).Kind() != "video" || d.Media(0).Index() != 0 {
		t.Fatalf("%d media, first %s", d.Len(), d.Media(0).Kind())
	}
	if !d.AddMedia(0, []string{"m=audio 0 RTP/AVP 0"}) || d.AddMedia(0, []string{"c=x"}) {
		t.Error("AddMedia")
	}
	if d.Media(1).Index() != 1 || !d.Media(0).Rejected() {
		t.Error("wrong order after AddMedia")
	}
}

func TestParseAll(t *testing.T) {
	list, err := sdp.ParseAll([]byte(twoMedia+twoMedia), nil)
	if err != nil || len(list) != 2 || list[1].Len() != 2 {
		t.Fatalf("%d descriptions, %v", len(list), err)
	}
	for _, tc := range []struct {
		name, text string
		limits     *sdp.Limits
		want       error
	}{
		{"empty", "", nil, sdp.ErrSyntax},
		{"media of all count", twoMedia + twoMedia, &sdp.Limits{Media: 3}, sdp.ErrLimit},
		{"bytes of all count", twoMedia + twoMedia, &sdp.Limits{Bytes: len(twoMedia) + 1}, sdp.ErrLimit},
		{"second is broken", twoMedia + "v=0\r\nbroken\r\n", nil, sdp.ErrSyntax},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := sdp.ParseAll([]byte(tc.text), tc.limits); !errors.Is(err, tc.want) {
				t.Errorf("%v", err)
			}
		})
	}
	var at *sdp.ParseError
	_, err = sdp.ParseAll([]byte(twoMedia+"v=0\r\nbroken\r\n"), nil)
	if !errors.As(err, &at) || at.Line != strings.Count(twoMedia, "\n")+2 {
		t.Errorf("error does not count lines of the whole: %v", err)
	}
}

func TestAttributeEdit(t *testing.T) {
	lines := []string{"m=audio 1 RTP/AVP 0", "a=ptime:20", "a=rtpmap:0 PCMU/8000", "a=rtpmap:10 L16/44100", "a=sendrecv"}
	for _, tc := range []struct {
		name string
		edit sdp.AttributeEdit
		want string
	}{
		{"nothing", sdp.AttributeEdit{}, "ptime:20|rtpmap:0 PCMU/8000|rtpmap:10 L16/44100|sendrecv"},
		{"add", sdp.AttributeEdit{Add: []string{"x", "ptime:20"}}, "ptime:20|rtpmap:0 PCMU/8000|rtpmap:10 L16/44100|sendrecv|x"},
		{"remove by name", sdp.AttributeEdit{Remove: []string{"rtpmap"}}, "ptime:20|sendrecv"},
		{"remove by word", sdp.AttributeEdit{Remove: []string{"rtpmap:0"}}, "ptime:20|rtpmap:10 L16/44100|sendrecv"},
		{"remove in full", sdp.AttributeEdit{Remove: []string{"rtpmap:0 PCMU/8000", "ptime:2"}}, "ptime:20|rtpmap:10 L16/44100|sendrecv"},
		{"substitute", sdp.AttributeEdit{Substitute: [][2]string{{"sendrecv", "sendonly"}, {"ptime", "ptime:30"}}},
			"ptime:30|rtpmap:0 PCMU/8000|rtpmap:10 L16/44100|sendonly"},
		{"as lines, in another case", sdp.AttributeEdit{Remove: []string{"a=RTPMAP:0"}, Add: []string{"a=x", "x"}, Substitute: [][2]string{{"SendRecv", "a=inactive"}}},
			"ptime:20|rtpmap:10 L16/44100|inactive|x"},
		{"empty name", sdp.AttributeEdit{Remove: []string{""}}, "ptime:20|rtpmap:0 PCMU/8000|rtpmap:10 L16/44100|sendrecv"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := strings.ReplaceAll(strings.Join(tc.edit.Apply(lines)[1:], "|"), "a=", "")
			if got != tc.want {
				t.Errorf("%s", got)
			}
		})
	}
}

func TestEditAttributesOfDescription(t *testing.T) {
	d, err := sdp.Parse([]byte(twoMedia), nil)
	if err != nil {
		t.Fatal(err)
	}
	d.EditAttributes(&sdp.AttributeEdit{Add: []string{"tool:x"}})
	d.Media(0).EditAttributes(&sdp.AttributeEdit{Remove: []string{"x"}})
	if _, ok := d.Attr("tool"); !ok {
		t.Error("session attribute missing")
	}
	if _, ok := d.Media(0).Attr("x"); ok {
		t.Error("media attribute still there")
	}
}
