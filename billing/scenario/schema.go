package scenario

import _ "embed"

//go:embed schema.json
var schema []byte

// Schema returns the JSON Schema (draft 2020-12) of the format. A file that it
// refuses is refused by Read too; Read and Check know more, such as names.
func Schema() []byte { return append([]byte{}, schema...) }
