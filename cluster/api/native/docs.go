package native

import (
	"cmp"
	"html/template"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

const docsPage = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>class5 API</title><meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body><main><h1>class5 API</h1>
<p>{{.Info.Description}} The machine-readable description is <a href="/api/v1/openapi.json">openapi.json</a> (OpenAPI 3.1).</p>
{{range .Groups}}<h2>{{.Tag}}</h2><table><caption>Operations on {{.Tag}}</caption>
<thead><tr><th scope="col">Operation</th><th scope="col">Method</th><th scope="col">Path</th></tr></thead><tbody>
{{range .Operations}}<tr><th scope="row">{{.Summary}}</th><td>{{.Method}}</td><td><code>{{.Path}}</code></td></tr>
{{end}}</tbody></table>{{end}}</main></body></html>
`

type docsGroup struct {
	Tag        string
	Operations []*huma.Operation
}

// docs lists the operations for people; it needs no script and no style.
func (s *service) docs(w http.ResponseWriter, _ *http.Request) {
	t, err := template.New("docs").Parse(docsPage)
	if err != nil {
		problem(w, http.StatusInternalServerError, "documentation")
		return
	}
	var groups []docsGroup
	for _, item := range s.api.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op == nil {
				continue
			}
			i := slices.IndexFunc(groups, func(g docsGroup) bool { return g.Tag == op.Tags[0] })
			if i < 0 {
				i = len(groups)
				groups = append(groups, docsGroup{Tag: op.Tags[0]})
			}
			groups[i].Operations = append(groups[i].Operations, op)
		}
	}
	slices.SortFunc(groups, func(a, b docsGroup) int { return cmp.Compare(a.Tag, b.Tag) })
	for _, g := range groups {
		slices.SortFunc(g.Operations, func(a, b *huma.Operation) int {
			return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method))
		})
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	_ = t.Execute(w, struct {
		Info   *huma.Info
		Groups []docsGroup
	}{s.api.OpenAPI().Info, groups})
}
