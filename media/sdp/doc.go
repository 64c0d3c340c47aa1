// Package sdp reads and edits session descriptions (RFC 8866, RFC 3264)
// without disturbing what it was not asked to change.
//
// A [Description] is a list of lines. Parsing cuts the text into lines and
// remembers which belong to the session and which to each media description;
// writing joins them again. Lines that nobody edits leave byte for byte as
// they came, whatever their order, spelling or meaning: attributes of
// tomorrow survive a relay of today. A description without edits is identical
// to its source.
//
// # What a relay does with it
//
// [Media.Addr] and [Media.RTCPAddr] tell where a party wants to receive,
// [Media.Direction] and [Media.Held] what it wants to do, [Media.Codecs] what
// it can decode. [Description.SetAddr], [Media.SetAddr], [Media.SetPort] and
// [Media.SetRTCPPort] put the relay in the path, [Description.RemoveICE] and
// [Description.RemoveBundle] take out what a plain relay cannot keep.
//
// # What an endpoint does with it
//
// [Offer] composes an audio offer, [Answer] answers one with the first audio
// codec both sides have, and [Negotiated] reads the answer to an own offer.
//
// # Contract
//
// Parse copies its input: the caller may reuse the bytes. A Description is not
// safe for concurrent use. Nothing blocks, nothing panics on any input, and
// sizes are bounded by [Limits]. Host names in c= lines are never resolved: an
// address taken from the network must not make a server send DNS queries.
package sdp
