package destination

import (
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Override returns the settings with those put over that variables give. A variable is called after the key: prefix, and
// the key in upper case with _ for a dot, such as TLS_CA. Lists and headers have commas between elements, and a header is
// name=value with a value that is percent-encoded.
func (s Settings) Override(prefix string, getenv func(string) string) (Settings, error) {
	return s, override(reflect.ValueOf(&s).Elem(), prefix, getenv)
}

func override(mapping reflect.Value, prefix string, getenv func(string) string) error {
	for i := range mapping.NumField() {
		field, name := mapping.Field(i), prefix+strings.ToUpper(mapping.Type().Field(i).Tag.Get("yaml"))
		if field.Kind() == reflect.Struct {
			if err := override(field, name+"_", getenv); err != nil {
				return err
			}
			continue
		}
		value := strings.TrimSpace(getenv(name))
		if value == "" {
			continue
		}
		if err := set(field.Addr().Interface(), value); err != nil {
			return fmt.Errorf("reading %s: %w", name, err)
		}
	}
	return nil
}

// set shows no value of what may be a secret.
func set(field any, value string) (err error) {
	switch f := field.(type) {
	case *string:
		*f = value
	case *bool:
		*f, err = strconv.ParseBool(value)
	case *int:
		*f, err = strconv.Atoi(value)
	case *int64:
		*f, err = strconv.ParseInt(value, 10, 64)
	case *time.Duration:
		*f, err = time.ParseDuration(value)
	case *[]string:
		*f = nil
		for part := range strings.SplitSeq(value, ",") {
			*f = append(*f, strings.TrimSpace(part))
		}
	case *map[string]string:
		*f, err = headers(value)
	default:
		err = fmt.Errorf("a %T cannot be set by a variable", field)
	}
	if err != nil {
		var number *strconv.NumError
		if errors.As(err, &number) {
			return errors.New("the value is not of the kind that the setting is")
		}
	}
	return err
}

func headers(value string) (map[string]string, error) {
	all := map[string]string{}
	for i, header := range strings.Split(value, ",") {
		name, text, ok := strings.Cut(header, "=")
		text, err := url.PathUnescape(strings.TrimSpace(text))
		if !ok || err != nil {
			return nil, fmt.Errorf("header %d is not of the form name=value", i+1)
		}
		all[strings.TrimSpace(name)] = text
	}
	return all, nil
}
