// A telephone in a browser: JsSIP on a WebSocket, media by the browser. Lines in:
// dial NUMBER, hangup, stats. It answers whoever calls. HZ is the tone it sends.
import { lines, open, say } from './page.mjs'

const { page, close } = await open()
await page.evaluate(async ([socket, uri, password, hertz]) => {
  await navigator.mediaDevices.getUserMedia({ audio: true }) // so that addresses are shown
  const audio = new AudioContext()
  let session, analyser
  const media = { mediaStream: tone(audio, hertz), pcConfig: { bundlePolicy: 'max-bundle' } }
  const listen = pc => pc.addEventListener('track', ({ track }) => { analyser = hear(audio, track) })
  const ua = new JsSIP.UA({ sockets: [new JsSIP.WebSocketInterface(socket)], uri, password, session_timers: false })
  ua.on('registered', () => say('registered'))
  ua.on('registrationFailed', e => say('fault', e.cause))
  ua.on('newRTCSession', e => {
    session = e.session
    if (session.connection) listen(session.connection)
    session.on('peerconnection', e => listen(e.peerconnection))
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
  window.stats = () => figures(session.connection, audio, analyser)
}, [process.env.SOCKET, process.env.URI, process.env.PASSWORD, Number(process.env.HZ)])

for await (const line of lines()) {
  const [what, name] = line.split(' ')
  if (what === 'dial') await page.evaluate(n => window.dial(n), name)
  else if (what === 'hangup') await page.evaluate(() => window.hangup())
  else if (what === 'stats') say('stats', await page.evaluate(() => window.stats()))
}
await close()
