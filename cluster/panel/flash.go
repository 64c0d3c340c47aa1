package panel

import "net/http"

const flashCookie = "class5-flash"

// flashText are the messages that a page can show after a redirect. The cookie
// holds a word of this list and no text, so nobody can put words in our mouth.
func flashText(word string) string {
	switch word {
	case "created":
		return "Created."
	case "saved":
		return "Saved."
	case "deleted":
		return "Deleted."
	case "bye":
		return "You are logged out."
	}
	return ""
}

// done ends a change: a redirect, so that loading the page again does not
// repeat it, and a word to be shown there.
func done(w http.ResponseWriter, r *http.Request, word, to string) {
	http.SetCookie(w, &http.Cookie{
		Name: flashCookie, Value: word, Path: "/", MaxAge: 60, HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteLaxMode,
	})
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func takeFlash(w http.ResponseWriter, r *http.Request) string {
	c, err := r.Cookie(flashCookie)
	if err != nil {
		return ""
	}
	http.SetCookie(w, &http.Cookie{Name: flashCookie, Path: "/", MaxAge: -1, HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteLaxMode})
	return flashText(c.Value)
}
