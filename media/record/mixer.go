package record

// mixer adds up the tracks of a recording.
type mixer struct {
	mix    Mix
	rate   int
	tracks []*track
	base   int64 // position up to which samples were given away
	sum    []int32
	pcm    []int16
	write  func([]int16)
}

// delay is how long samples are waited for, in ms: packets that are held back
// for order, and streams that lag behind their time of arrival.
const delay = lag + 400

// advance gives away what is older than the delay.
func (m *mixer) advance(at int64) {
	for _, t := range m.tracks {
		t.order.release(at, t.decode)
	}
	m.emit(position(at, m.rate) - int64(m.rate)*delay/1000)
}

// finish gives away all up to a time.
func (m *mixer) finish(at int64) {
	for _, t := range m.tracks {
		t.order.flush(t.decode)
		if t.current != nil {
			t.interrupt(t.current, t.cursor)
		}
	}
	m.emit(position(at, m.rate))
}

// emit writes samples in pieces of 100 ms at most.
func (m *mixer) emit(to int64) {
	for m.base < to {
		n := min(to-m.base, int64(m.rate/10))
		channels := m.mix.channels()
		m.sum = append(m.sum[:0], make([]int32, int(n)*channels)...)
		for _, t := range m.tracks {
			t.read(m.sum[t.stream.Channel*(channels-1):], channels, m.base+n)
		}
		m.pcm = m.pcm[:0]
		for _, s := range m.sum {
			m.pcm = append(m.pcm, int16(max(-32768, min(32767, s))))
		}
		m.write(m.pcm)
		m.base += n
	}
}
