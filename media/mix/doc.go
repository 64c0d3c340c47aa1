// Package mix adds the audio of several sources to a stream.
//
// A [Mixer] has neither clock nor goroutine. Whoever makes the stream calls
// [Mixer.Mix] for every frame of it, so the clock is that of the stream; the
// sources write their samples whenever they have some. What a source is ahead
// of the stream waits in its [Input]: it begins to be heard when [Delay] of it
// is there, which evens out the jitter of its packets, and what is beyond
// [MaxDelay] is left out, so that two clocks that differ stay together. Where
// a source begins, ends or is cut it is faded over [Fade], so that nothing
// clicks. Levels stay as they are; sums that are too loud are clipped.
//
// A source that says nothing costs nothing and changes no sample of the
// stream.
//
// A Mixer and its inputs are not safe for concurrent use. After the first
// frames they allocate nothing.
package mix
