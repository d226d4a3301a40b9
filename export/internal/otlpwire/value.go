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
	b, start := begin(b, field)
	b = appendText(b, keyValueKey, string(kv.Key))
	b = appendValue(b, keyValueValue, kv.Value)
	return end(b, start)
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
