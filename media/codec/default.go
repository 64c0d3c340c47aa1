package codec

import "time"

// Default lists what this package offers, in order of preference: PCMA, PCMU,
// G.722, Opus, G.711 at higher rates, L16, comfort noise and telephone-event at
// the clock rates in use, and by name only what a relay passes through.
func Default() Registry {
	r := Registry{PCMA(), PCMU(), G722(), Opus(OpusComplexity)}
	for _, rate := range []int{16000, 44100, 48000} {
		r = append(r, PCMAAt(rate), PCMUAt(rate))
	}
	for _, rate := range []int{8000, 16000, 44100, 48000} {
		r = append(r, L16(rate, 1), L16(rate, 2))
	}
	for _, rate := range []int{8000, 16000, 48000} {
		r = append(r, CN(rate))
	}
	for _, rate := range []int{8000, 16000, 48000} {
		r = append(r, TelephoneEvent(rate))
	}
	return append(r,
		passThrough("G729", 18, 8000, 8000, 20*time.Millisecond),
		passThrough("G723", 4, 8000, 8000, 30*time.Millisecond),
		passThrough("GSM", 3, 8000, 8000, 20*time.Millisecond),
		passThrough("iLBC", Dynamic, 8000, 8000, 30*time.Millisecond),
		passThrough("AMR", Dynamic, 8000, 8000, 20*time.Millisecond),
		passThrough("AMR-WB", Dynamic, 16000, 16000, 20*time.Millisecond),
	)
}

// passThrough is a codec known by name.
func passThrough(name string, pt uint8, clock, rate int, ptime time.Duration) Codec {
	return Codec{Format: Format{Name: name, ClockRate: clock, Channels: 1}, PayloadType: pt, SampleRate: rate, Ptime: ptime}
}

// TelephoneEvent is RFC 4733 at a clock rate. It has no encoder: see package
// media/dtmf.
func TelephoneEvent(clockRate int) Codec {
	return Codec{Format: Format{Name: "telephone-event", ClockRate: clockRate, Channels: 1, Fmtp: "0-15"}, Kind: Event,
		PayloadType: Dynamic, SampleRate: clockRate, Ptime: 20 * time.Millisecond}
}
