package ng

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/class5-go/class5/media/bridge"
)

// scalars reads keys with a single value that shape the description or say
// whom to believe.
func (p *optionParser) scalars(key string, value any) bool {
	s := text(value)
	switch key {
	case "transport-protocol":
		if strings.EqualFold(s, "accept") {
			p.o.TransportAccept = true
		} else {
			p.o.Transport = s
		}
	case "DTLS":
		p.choose(key, s, &p.o.DTLS)
	case "DTLS-reverse":
		p.choose(key, s, &p.o.DTLSReverse)
	case "DTLS-fingerprint":
		p.o.Fingerprint = s
	case "ICE-lite":
		if !p.ice("lite-" + s) {
			p.warn("ICE-lite: %.40q not understood", s)
		}
	case "address-family":
		switch strings.ToUpper(s) {
		case "IP4":
			p.o.Family = bridge.IPv4
		case "IP6":
			p.o.Family = bridge.IPv6
		default:
			p.warn("address-family: IP4 or IP6 is needed")
		}
	case "media-address":
		if !parseAddr(s, &p.o.MediaAddress) {
			p.warn("media-address: no address")
		}
	case "ptime":
		p.ptime(key, value, &p.o.Ptime)
	case "ptime-reverse":
		p.ptime(key, value, &p.o.PtimeReverse)
	case "T.38-version":
		p.number(key, value, 0, 9, &p.o.T38.Version)
	case "from-interface", "interface":
		p.o.FromInterface = s
	case "to-interface":
		p.o.ToInterface = s
	case "endpoint-learning":
		p.learning(s)
	case "TOS":
		p.number(key, value, -1, 255, &p.o.TOS)
	case "SIP-code", "sip-code":
		var code int
		p.number(key, value, 100, 699, &code)
		p.o.Early, p.o.FinalResponse = code > 100 && code < 200, code >= 200
	default:
		return false
	}
	return true
}

// audio reads keys about what happens to packets.
func (p *optionParser) audio(key string, value any) bool {
	s := text(value)
	o, d := &p.o, &p.o.DTMF
	switch key {
	case "delay-buffer":
		p.millis(key, value, &o.DelayBuffer)
		o.HasDelayBuffer = true
	case "record-call":
		p.onOff(key, s, &o.Record)
	case "generate-RTCP":
		p.onOff(key, s, &o.GenerateRTCP)
	case "metadata":
		o.Metadata = s
	case "recording-file":
		o.RecordingFile = s
	case "recording-dir":
		o.RecordingDir = s
	case "recording-pattern":
		o.RecordingPattern = s
	case "drop-traffic":
		o.DropTraffic = s
	case "media-echo":
		o.MediaEcho = s
	case "DTMF-security":
		d.Mode = s
	case "digit":
		d.Digit = s
	case "DTMF-security-trigger":
		d.TriggerMode = s
	case "DTMF-security-trigger-end":
		d.TriggerEndMode = s
	case "trigger":
		d.Trigger = s
	case "trigger-end", "end-trigger":
		d.TriggerEnd = s
	case "trigger-end-time":
		p.millis(key, value, &d.TriggerEndTime)
	case "trigger-end-digits":
		p.number(key, value, 0, 1000, &d.TriggerEndCount)
	case "DTMF-delay":
		p.millis(key, value, &d.Delay)
	case "DTMF-log-dest":
		a, err := netip.ParseAddrPort(s)
		if err != nil {
			p.warn("DTMF-log-dest: no address and port")
		}
		d.LogTo = a
	case "frequency", "frequencies":
		p.frequencies(value)
	case "volume":
		p.number(key, value, -63, 63, &d.Volume)
	case "delete-delay":
		var n int
		p.number(key, value, 0, 86400, &n)
		o.DeleteDelay, o.HasDeleteDelay = time.Duration(n)*time.Second, true
	default:
		return false
	}
	return true
}

func (p *optionParser) choose(key, s string, to *bridge.DTLSMode) {
	switch s {
	case "off", "no", "disable":
		*to = bridge.DTLSOff
	case "passive":
		*to = bridge.DTLSPassive
	case "active":
		*to = bridge.DTLSActive
	default:
		p.warn("%s: %.40q not understood", key, s)
	}
}

func (p *optionParser) learning(s string) {
	switch s {
	case "off", "immediate", "delayed", "heuristic":
		p.o.Learning = s
	default:
		p.warn("endpoint-learning: %.40q not understood", s)
	}
}

func (p *optionParser) onOff(key, s string, to *string) {
	switch strings.ToLower(s) {
	case "on", "yes", "1", "true":
		*to = "on"
	case "off", "no", "0", "false":
		*to = "off"
	default:
		p.warn("%s: on or off is needed", key)
	}
}

// number reads an integer within bounds; another is told and left out.
func (p *optionParser) number(key string, value any, least, most int64, to *int) {
	n, ok := Of("n", value).Int("n")
	if !ok || n < least || n > most {
		p.warn("%s: a number from %d to %d is needed", key, least, most)
		return
	}
	*to = int(n)
}

func (p *optionParser) millis(key string, value any, to *time.Duration) {
	var n int
	p.number(key, value, 0, 3600000, &n)
	*to = time.Duration(n) * time.Millisecond
}

// ptime is a length of packets: no codec makes longer ones.
func (p *optionParser) ptime(key string, value any, to *time.Duration) {
	var n int
	p.number(key, value, 0, 1000, &n)
	*to = time.Duration(n) * time.Millisecond
}

func (p *optionParser) frequencies(value any) {
	var list []string
	for _, w := range words(value) {
		list = append(list, strings.Split(w, ",")...)
	}
	for _, w := range list {
		n, err := strconv.Atoi(strings.TrimSpace(w))
		if err != nil || n < 1 || n > 4000 || len(p.o.DTMF.Frequencies) >= 64 {
			p.warn("frequencies: up to 64 numbers below 4000 are needed")
			return
		}
		p.o.DTMF.Frequencies = append(p.o.DTMF.Frequencies, n)
	}
}
