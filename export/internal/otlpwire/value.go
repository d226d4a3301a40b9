package otlpwire

import (
	"math"

	"go.opentelemetry.io/otel/attribute"
	"google.golang.org/protobuf/encoding/protowire"
)

// appendAttributes appends a KeyValue for each attribute.
func appendAttributes(b []byte, field protowire.Number, attributes []attribute.KeyValue) []byte {
	for i := range attributes {
		b = appendKeyValue(b, field, &attributes[i])
	}
	return b
}

// appendSet is appendAttributes of a set.
func appendSet(b []byte, field protowire.Number, set attribute.Iterator) []byte {
	for set.Next() {
		kv := set.Attribute()
		b = appendKeyValue(b, field, &kv)
	}
	return b
}

func appendKeyValue(b []byte, field protowire.Number, kv *attribute.KeyValue) []byte {
	if short, ok := appendShort(b, field, kv); ok {
		return short
	}
	b, start := begin(b, field)
	b = appendText(b, keyValueKey, string(kv.Key))
	b = appendValue(b, keyValueValue, kv.Value)
	return end(b, start)
}

// appendShort appends what most attributes are: a text or number under a key whose lengths take a byte each, in ASCII. ok
// is false for others, and then nothing that b holds was changed. It is a third of the work.
func appendShort(b []byte, field protowire.Number, kv *attribute.KeyValue) (_ []byte, ok bool) {
	key := kv.Key
	if field >= 16 || len(key) == 0 || len(key) > 0x40 {
		return b, false
	}
	head := [4]byte{byte(field)<<3 | byte(protowire.BytesType), 0, byte(keyValueKey)<<3 | byte(protowire.BytesType), byte(len(key))}
	start := len(b)
	switch kv.Value.Type() {
	case attribute.STRING:
		text := kv.Value.AsString()
		if len(key)+len(text) > 0x7f-6 {
			return b, false
		}
		head[1] = byte(6 + len(key) + len(text))
		b = append(append(b, head[:]...), key...)
		b = append(b, byte(keyValueValue)<<3|byte(protowire.BytesType), byte(2+len(text)),
			byte(anyString)<<3|byte(protowire.BytesType), byte(len(text)))
		b = append(b, text...)
		if !ascii(b[start+len(head):]) { // what is between the two is, too
			return b[:start], false
		}
	case attribute.INT64:
		n := uint64(kv.Value.AsInt64())
		size := protowire.SizeVarint(n)
		head[1] = byte(5 + len(key) + size)
		b = append(append(b, head[:]...), key...)
		if !ascii(b[start+len(head):]) {
			return b[:start], false
		}
		b = append(b, byte(keyValueValue)<<3|byte(protowire.BytesType), byte(1+size), byte(anyInt)<<3|byte(protowire.VarintType))
		b = protowire.AppendVarint(b, n)
	default:
		return b, false
	}
	return b, true
}

// appendValue appends an AnyValue, an empty one for an empty value.
func appendValue(b []byte, field protowire.Number, v attribute.Value) []byte {
	b, start := begin(b, field)
	switch v.Type() {
	case attribute.STRING:
		b = appendTextAlways(b, anyString, v.AsString())
	case attribute.INT64:
		b = appendVarintAlways(b, anyInt, uint64(v.AsInt64()))
	case attribute.BOOL:
		b = appendVarintAlways(b, anyBool, protowire.EncodeBool(v.AsBool()))
	case attribute.FLOAT64:
		b = appendFixed64Always(b, anyDouble, math.Float64bits(v.AsFloat64()))
	case attribute.BYTESLICE:
		b = appendBytesAlways(b, anyBytes, v.AsByteSlice())
	case attribute.STRINGSLICE:
		b = appendArray(b, v.AsStringSlice(), attribute.StringValue)
	case attribute.INT64SLICE:
		b = appendArray(b, v.AsInt64Slice(), attribute.Int64Value)
	case attribute.BOOLSLICE:
		b = appendArray(b, v.AsBoolSlice(), attribute.BoolValue)
	case attribute.FLOAT64SLICE:
		b = appendArray(b, v.AsFloat64Slice(), attribute.Float64Value)
	case attribute.SLICE:
		b = appendArray(b, v.AsSlice(), func(v attribute.Value) attribute.Value { return v })
	case attribute.MAP:
		var list int
		b, list = begin(b, anyKvlist)
		b = appendAttributes(b, listValues, v.AsMap())
		b = end(b, list)
	case attribute.EMPTY:
	default:
		b = appendTextAlways(b, anyString, "INVALID") // a type that is newer than this
	}
	return end(b, start)
}

// appendArray appends the ArrayValue of an AnyValue.
func appendArray[T any](b []byte, elements []T, value func(T) attribute.Value) []byte {
	b, start := begin(b, anyArray)
	for _, element := range elements {
		b = appendValue(b, listValues, value(element))
	}
	return end(b, start)
}
