package scenario

import (
	"fmt"
	"reflect"
	"strings"
)

// required holds every object to the members that it cannot do without: those
// that are not left out when they are empty.
func required(path string, v reflect.Value) error {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return required(path, v.Elem())
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			if err := required(path+"/"+pointer(k.String()), v.MapIndex(k)); err != nil {
				return err
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return nil
		}
		for i := range v.Len() {
			if err := required(fmt.Sprintf("%s/%d", path, i), v.Index(i)); err != nil {
				return err
			}
		}
	case reflect.Struct:
		return requiredFields(path, v)
	}
	return nil
}

func requiredFields(path string, v reflect.Value) error {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous {
			if err := required(path, v.Field(i)); err != nil {
				return err
			}
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || name == "" {
			continue // not of the format
		}
		if options == "" && v.Field(i).IsZero() {
			return &Error{Path: path + "/" + name, Err: fmt.Errorf("%w: it is missing", ErrFile)}
		}
		if err := required(path+"/"+name, v.Field(i)); err != nil {
			return err
		}
	}
	return nil
}
