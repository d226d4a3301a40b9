package redact

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/throughline/throughline/internal/secret"
)

// Rule is one of the user's.
type Rule struct {
	// Attribute is a name, or a glob of names (path.Match); "span.name" and "status.description" reach these.
	Attribute string
	// Pattern is a regular expression as Go's regexp has it; "" is the whole value.
	Pattern string
	// Replace stands for what the pattern matches, with $1 and so on as regexp's Expand has it; nil: the mark of secrets.
	Replace *string
	// Hash puts a hash there instead.
	Hash bool
}

// hashBytes is how many bytes of HMAC-SHA256 a hash shows, in hexadecimal digits.
const hashBytes = 8

// rule is a Rule that can be applied.
type rule struct {
	name    string
	glob    bool
	prefix  bool           // the glob is the name with a star behind it
	pattern *regexp.Regexp // nil: the whole value
	replace string
	salt    []byte // nil: no hash
}

func (r *Rule) compile(salt string) (rule, error) {
	made := rule{name: r.Attribute, glob: strings.ContainsAny(r.Attribute, `*?[\`), replace: secret.Mark}
	if r.Attribute == "" {
		return rule{}, errors.New("it names no attribute")
	}
	if before, ok := strings.CutSuffix(r.Attribute, "*"); ok && !strings.ContainsAny(before, `*?[\`) {
		made.name, made.prefix = before, true
	}
	if _, err := path.Match(r.Attribute, ""); err != nil {
		return rule{}, fmt.Errorf("attribute %q is no glob", r.Attribute)
	}
	if r.Replace != nil {
		made.replace = *r.Replace
	}
	if r.Hash {
		if r.Replace != nil {
			return rule{}, errors.New("it has both replace and hash")
		}
		if salt == "" {
			return rule{}, errors.New("it hashes, and no salt is set: a hash without one can be found by trying")
		}
		made.salt = []byte(salt)
	}
	if r.Pattern != "" {
		var err error
		if made.pattern, err = regexp.Compile(r.Pattern); err != nil {
			return rule{}, fmt.Errorf("pattern %q cannot be used: %w", r.Pattern, err)
		}
	}
	return made, nil
}

// names tells whether the rule is about what has this name.
func (r *rule) names(key string) bool {
	switch {
	case r.prefix:
		return strings.HasPrefix(key, r.name)
	case !r.glob:
		return r.name == key
	}
	ok, _ := path.Match(r.name, key)
	return ok
}

func (r *rule) apply(s string) string {
	switch {
	case s == "":
		return s
	case r.pattern == nil && r.salt != nil:
		return r.hash(s)
	case r.pattern == nil:
		return r.replace
	case !r.pattern.MatchString(s):
		return s
	case r.salt != nil:
		return r.pattern.ReplaceAllStringFunc(s, r.hash)
	}
	return r.pattern.ReplaceAllString(s, r.replace)
}

func (r *rule) hash(s string) string {
	mac := hmac.New(sha256.New, r.salt)
	mac.Write([]byte(s))
	return hex.EncodeToString(mac.Sum(nil)[:hashBytes])
}
