package ship

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/class5-go/class5/billing"
)

// Folders is how files are spread over folders, by the day they were made.
type Folders uint8

// Layouts of folders.
const (
	Flat    Folders = iota
	Daily           // 20260504
	Monthly         // 202605
	Nested          // 202605/04
)

// Stream says what an export contains and how its files look. Name, Prefix and
// Format are required.
type Stream struct {
	// Name keeps the streams of a store apart: letters, digits, dashes, at
	// most 64. Its records are numbered through for its whole life.
	Name string
	// Prefix begins the name of each file, which goes on with the time it was
	// made and its number: "ngcp_007_20260504120000_0000000001.cdr".
	Prefix  string
	Folders Folders
	Format  Format
	Fields  []Field
	// Filter selects records; all when nil.
	Filter func(c *billing.CDR) bool
	// Parts says for whom a record is, each with files and numbers of its own,
	// in a folder of its own; a part "" has none. When nil there is only that.
	Parts func(c *billing.CDR) []string
	// Empty makes a file also when there is no record, of the part "".
	Empty bool
	// Rows bounds the records of one file; 5000 when 0.
	Rows int
	// Zone is that of names and folders; UTC when nil.
	Zone *time.Location
}

// maxRows bounds Stream.Rows, since a file is made in memory.
const maxRows = 20_000

func (s *Stream) check() error {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	other := func(r rune) bool { return !strings.ContainsRune(letters, r) }
	if s.Name == "" || len(s.Name) > 64 || strings.ContainsFunc(s.Name, other) {
		return fmt.Errorf("ship: stream name %.80q", s.Name)
	}
	if s.Prefix == "" || len(s.Prefix) > 64 || strings.ContainsFunc(s.Prefix, other) {
		return fmt.Errorf("ship: stream %s: prefix %.80q", s.Name, s.Prefix)
	}
	if s.Format == nil {
		return fmt.Errorf("ship: stream %s has no format", s.Name)
	}
	if s.Rows <= 0 {
		s.Rows = 5000
	}
	s.Rows = min(s.Rows, maxRows)
	if s.Zone == nil {
		s.Zone = time.UTC
	}
	return nil
}

// Resellers is a Stream.Parts with the whole stream in "system" and what is a
// reseller's own in a folder of the reseller's account.
func Resellers(c *billing.CDR) []string {
	parts := []string{"system"}
	for i := range c.Parties {
		if p := &c.Parties[i]; p.Role == billing.RoleReseller && !slices.Contains(parts, p.Account) {
			parts = append(parts, p.Account)
		}
	}
	return parts
}

// Days is a Stream.Parts for readers that look for a day's records in one
// folder, "day=2026-05-04": that of the call's begin in a zone.
func Days(zone *time.Location) func(c *billing.CDR) []string {
	return func(c *billing.CDR) []string {
		return []string{"day=" + c.Init.Time().In(zone).Format("2006-01-02")}
	}
}

// Answered is a Stream.Filter: calls that were answered.
func Answered(c *billing.CDR) bool { return c.Status == billing.StatusOK }

// name makes the name of a file.
func (s *Stream) name(part string, number int64, made time.Time) string {
	made = made.In(s.Zone)
	var path []string
	if part != "" {
		path = append(path, folder(part))
	}
	switch s.Folders {
	case Daily:
		path = append(path, made.Format("20060102"))
	case Monthly:
		path = append(path, made.Format("200601"))
	case Nested:
		path = append(path, made.Format("200601"), made.Format("02"))
	}
	file := fmt.Sprintf("%s_%s_%010d%s", s.Prefix, made.Format("20060102150405"), number, s.Format.Suffix())
	return strings.Join(append(path, file), "/")
}

// folder makes a name of a folder that no account can lead out of: bytes that
// are none of a name are written in hexadecimal. What is too long for a name is
// cut, with a digest of the whole for the end, as others may begin alike.
func folder(part string) string {
	const most = 60
	var end string
	if len(part) > most {
		sum := sha256.Sum256([]byte(part))
		part, end = part[:most], fmt.Sprintf("%%~%x", sum[:8])
	}
	var b strings.Builder
	for i := range len(part) {
		switch c := part[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '=', c == '.' && i > 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	return b.String() + end
}

// NGCP007 is the stream of the CSV export of NGCP, version 007: files of at
// most 5,000 lines with a line "version,lines" at the begin and the MD5 sum of
// what is before it at the end, quoted with apostrophes, of the answered calls,
// for the system and for each reseller, in daily folders below monthly ones.
// Columns for what is not known here are empty.
func NGCP007() (Stream, error) {
	f, err := Fields(
		"key=CDR_ID", "=UPDATE_TIME", "caller.subscriber=SOURCE_USER_ID", "caller.reseller.account=SOURCE_PROVIDER_ID",
		"caller.account=SOURCE_ACCOUNT_ID", "caller.user=SOURCE_USER", "caller.domain=SOURCE_DOMAIN", "caller.number=SOURCE_CLI", "source=SOURCE_IP",
		"callee.subscriber=DESTINATION_USER_ID", "callee.reseller.account=DESTINATION_PROVIDER_ID", "callee.account=DESTINATION_ACCOUNT_ID",
		"callee.user=DESTINATION_USER", "callee.domain=DESTINATION_DOMAIN", "callee.number=DESTINATION_USER_IN", "callee.dialled=DIALED_DIGITS",
		"type=CALL_TYPE", "status=CALL_STATUS", "code=CALL_CODE", "init=INIT_TIME", "start=START_TIME", "duration=DURATION", "call_id=CALL_ID",
		"caller.carrier.amount=SOURCE_CARRIER_COST", "caller.reseller.amount=SOURCE_RESELLER_COST", "caller.customer.amount=SOURCE_CUSTOMER_COST",
		"caller.carrier.zone=SOURCE_CARRIER_ZONE", "caller.reseller.zone=SOURCE_RESELLER_ZONE", "caller.customer.zone=SOURCE_CUSTOMER_ZONE",
		"callee.carrier.amount=DESTINATION_CARRIER_COST", "callee.reseller.amount=DESTINATION_RESELLER_COST", "callee.customer.amount=DESTINATION_CUSTOMER_COST",
		"callee.carrier.zone=DESTINATION_CARRIER_ZONE", "callee.reseller.zone=DESTINATION_RESELLER_ZONE", "callee.customer.zone=DESTINATION_CUSTOMER_ZONE",
	)
	return Stream{
		Name: "ngcp-007", Prefix: "ngcp_007", Folders: Nested, Fields: f, Filter: Answered, Parts: Resellers, Rows: 5000,
		Format: CSV{Quote: '\'', QuoteAll: true, NoNames: true, LF: true, Version: "007", MD5: true, End: ".cdr"},
	}, err
}
