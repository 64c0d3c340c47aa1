// Browser parties for calls with WebRTC. Lines in: offer NAME HZ|video,
// trickle NAME HZ (an offer before any candidate), gathered NAME (the candidates
// since, as an SDP fragment), answer NAME HZ|video SDP, accept NAME SDP, stats
// NAME, vanish (the browser is killed). SDP is base64. HZ is the tone that the
// party sends; HZ+video is both, and with +apart it takes them on ports of their
// own.
import { lines, open, say } from './page.mjs'

const { page, close, kill } = await open()
await page.evaluate(() => {
  const parties = {}
  const make = async (name, kind) => {
    const kinds = kind.split('+')
    const pc = new RTCPeerConnection({ bundlePolicy: kinds.includes('apart') ? 'balanced' : 'max-bundle' })
    const audio = new AudioContext()
    const party = parties[name] = { pc, audio }
    pc.ontrack = ({ track }) => {
      if (track.kind !== 'audio') {
        const video = document.createElement('video')
        video.muted = true
        video.srcObject = new MediaStream([track])
        video.play()
        document.body.append(video)
        party.video = video
        return
      }
      party.analyser = hear(audio, track)
    }
    if (kinds[0] !== 'video') {
      await navigator.mediaDevices.getUserMedia({ audio: true }) // so that addresses are shown
      const stream = tone(audio, Number(kinds[0]))
      pc.addTrack(stream.getAudioTracks()[0], stream)
      const known = RTCRtpReceiver.getCapabilities('audio').codecs
      pc.getTransceivers()[0].setCodecPreferences(known.filter(c => c.mimeType === 'audio/opus'))
    }
    if (kinds.includes('video')) {
      const camera = await navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 240 } })
      pc.addTrack(camera.getVideoTracks()[0], camera)
    }
    return pc
  }
  const gathered = pc => new Promise(done => {
    if (pc.iceGatheringState === 'complete') done()
    pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && done()
    setTimeout(done, 3000)
  })
  window.offer = async (name, kind) => {
    const pc = await make(name, kind)
    await pc.setLocalDescription(await pc.createOffer())
    await gathered(pc)
    return pc.localDescription.sdp
  }
  window.trickle = async (name, kind) => {
    const pc = await make(name, kind)
    const { candidates } = Object.assign(parties[name], { candidates: [] })
    pc.onicecandidate = ({ candidate }) => candidates.push(candidate)
    const offer = await pc.createOffer()
    pc.setLocalDescription(offer)
    return offer.sdp
  }
  window.gathered = async name => { // RFC 8840 section 9
    const { pc, candidates } = parties[name]
    await gathered(pc)
    const lines = pc.localDescription.sdp.split('\r\n')
    const media = {}
    for (const c of candidates) if (c && c.candidate) (media[c.sdpMid] ||= []).push('a=' + c.candidate)
    const fragment = [...new Set(lines.filter(l => /^a=ice-(ufrag|pwd):/.test(l)))]
    for (const mid in media) fragment.push('m=audio 9 RTP/AVP 0', 'a=mid:' + mid, ...media[mid], 'a=end-of-candidates')
    return fragment.join('\r\n') + '\r\n'
  }
  window.answer = async (name, kind, sdp) => {
    const pc = await make(name, kind)
    await pc.setRemoteDescription({ type: 'offer', sdp })
    await pc.setLocalDescription(await pc.createAnswer())
    await gathered(pc)
    return pc.localDescription.sdp
  }
  window.accept = (name, sdp) => parties[name].pc.setRemoteDescription({ type: 'answer', sdp })
  window.stats = async name => {
    const { pc, audio, analyser } = parties[name]
    return figures(pc, audio, analyser)
  }
})

const encode = text => Buffer.from(text).toString('base64')
const decode = text => Buffer.from(text, 'base64').toString()
say('ready')
for await (const line of lines()) {
  const [what, name, ...rest] = line.split(' ')
  if (what === 'offer') say('offered', encode(await page.evaluate(a => window.offer(...a), [name, rest[0]])))
  else if (what === 'trickle') say('offered', encode(await page.evaluate(a => window.trickle(...a), [name, rest[0]])))
  else if (what === 'gathered') say('gathered', encode(await page.evaluate(a => window.gathered(a), name)))
  else if (what === 'vanish') say('vanished', await kill() || '')
  else if (what === 'answer') say('answered', encode(await page.evaluate(a => window.answer(...a), [name, rest[0], decode(rest[1])])))
  else if (what === 'accept') say('accepted', await page.evaluate(a => window.accept(...a), [name, decode(rest[0])]) || '')
  else if (what === 'stats') say('stats', await page.evaluate(a => window.stats(a), name))
}
await close()
