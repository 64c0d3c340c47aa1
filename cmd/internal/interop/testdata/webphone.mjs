// A telephone in a browser: JsSIP on a WebSocket, media by the browser. Lines in:
// dial NUMBER, hangup, stats. It answers whoever calls. HZ is the tone it sends.
import { createServer } from 'node:http'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { createRequire } from 'node:module'

const require = createRequire(process.env.MODULES + '/')
const { chromium } = require('playwright-core')
const bundle = readFileSync(process.env.BUNDLE)
const say = (...words) => console.log(words.join(' '))

const server = createServer((req, res) => {
  if (req.url === '/jssip.js') res.setHeader('Content-Type', 'text/javascript').end(bundle)
  else res.setHeader('Content-Type', 'text/html').end('<!doctype html><script src="/jssip.js"></script>')
})
await new Promise(done => server.listen(0, '127.0.0.1', done))
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--ignore-certificate-errors', '--autoplay-policy=no-user-gesture-required',
    '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
})
const page = await browser.newPage()
page.on('pageerror', e => say('fault', String(e)))
await page.exposeFunction('say', say)
await page.goto(`http://127.0.0.1:${server.address().port}/`)
await page.evaluate(async ([socket, uri, password, hertz]) => {
  await navigator.mediaDevices.getUserMedia({ audio: true }) // so that addresses are shown
  const audio = new AudioContext()
  const tone = audio.createOscillator()
  tone.frequency.value = hertz
  const gain = audio.createGain()
  gain.gain.value = 0.25
  const out = audio.createMediaStreamDestination()
  tone.connect(gain).connect(out)
  tone.start()
  let session, analyser
  const media = { mediaStream: out.stream, pcConfig: { bundlePolicy: 'max-bundle' } }
  const hear = pc => pc.addEventListener('track', ({ track }) => {
    const stream = new MediaStream([track])
    const element = window.element = new Audio()
    element.srcObject = stream // without it nothing is decoded
    element.muted = true
    element.play()
    analyser = audio.createAnalyser()
    analyser.fftSize = 16384
    audio.createMediaStreamSource(stream).connect(analyser)
  })
  const ua = new JsSIP.UA({ sockets: [new JsSIP.WebSocketInterface(socket)], uri, password, session_timers: false })
  ua.on('registered', () => say('registered'))
  ua.on('registrationFailed', e => say('fault', e.cause))
  ua.on('newRTCSession', e => {
    session = e.session
    if (session.connection) hear(session.connection)
    session.on('peerconnection', e => hear(e.peerconnection))
    session.on('confirmed', () => say('confirmed'))
    session.on('ended', e => say('ended', e.cause))
    session.on('failed', e => say('fault', e.cause))
    for (const step of ['createofferfailed', 'createanswerfailed', 'setlocaldescriptionfailed', 'setremotedescriptionfailed']) {
      session.on('peerconnection:' + step, e => say('fault', step, String(e)))
    }
    session.on('sdp', e => say(e.originator + e.type, btoa(e.sdp)))
    if (e.originator === 'remote') session.answer(media)
  })
  ua.start()
  window.dial = number => { ua.call(number, media) }
  window.hangup = () => { session.terminate() }
  window.stats = async () => {
    const pc = session.connection
    const sum = { state: pc.connectionState, ice: pc.iceConnectionState, sent: 0, received: 0, lost: 0, frames: 0, peak: 0, codec: '' }
    const report = await pc.getStats()
    report.forEach(s => {
      if (s.type === 'outbound-rtp') sum.sent += s.packetsSent
      if (s.type === 'inbound-rtp') {
        sum.received += s.packetsReceived
        sum.lost += s.packetsLost
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
}, [process.env.SOCKET, process.env.URI, process.env.PASSWORD, Number(process.env.HZ)])

for await (const line of createInterface({ input: process.stdin })) {
  const [what, name] = line.split(' ')
  if (what === 'dial') await page.evaluate(n => window.dial(n), name)
  else if (what === 'hangup') await page.evaluate(() => window.hangup())
  else if (what === 'stats') say('stats', await page.evaluate(() => window.stats()))
}
await browser.close()
server.close()
