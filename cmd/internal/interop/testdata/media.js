// Tones sent and heard by a page, and what it counts of a peer connection.

// tone is a stream of one frequency.
const tone = (audio, hertz) => {
  const source = audio.createOscillator()
  source.frequency.value = hertz
  const gain = audio.createGain()
  gain.gain.value = 0.25
  const out = audio.createMediaStreamDestination()
  source.connect(gain).connect(out)
  source.start()
  return out.stream
}

// hear plays a track, muted, and returns what figures looks for a tone in.
const hear = (audio, track) => {
  const stream = new MediaStream([track])
  const element = new Audio()
  element.srcObject = stream // without it nothing is decoded
  element.muted = true
  element.play()
  const analyser = audio.createAnalyser()
  analyser.fftSize = 16384
  audio.createMediaStreamSource(stream).connect(analyser)
  analyser.element = element // keeps it
  return analyser
}

// figures counts packets and names the loudest frequency.
const figures = async (pc, audio, analyser) => {
  const sum = { state: pc.connectionState, ice: pc.iceConnectionState, sent: 0, received: 0, lost: 0, frames: 0, peak: 0, codec: '' }
  const report = await pc.getStats()
  report.forEach(s => {
    if (s.type === 'outbound-rtp') sum.sent += s.packetsSent
    if (s.type === 'inbound-rtp') {
      sum.received += s.packetsReceived
      sum.lost += s.packetsLost
      sum.frames += s.framesDecoded || 0
      sum.codec = report.get(s.codecId)?.mimeType || ''
    }
  })
  if (analyser) {
    const bins = new Float32Array(analyser.frequencyBinCount)
    analyser.getFloatFrequencyData(bins)
    let best = 0
    bins.forEach((v, i) => { if (v > bins[best]) best = i })
    sum.peak = best * audio.sampleRate / analyser.fftSize
  }
  return JSON.stringify(sum)
}
