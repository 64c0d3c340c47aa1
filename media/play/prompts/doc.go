// Package prompts holds the announcements that come with class5, as A-law
// WAVE files at 8 kHz. They were spoken by the speech synthesiser espeak-ng.
package prompts
