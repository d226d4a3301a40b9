package httpspan

import "net/http"

// Method returns the method as text, and whether it is one that the conventions
// know: those of RFC 9110, PATCH (RFC 5789) and QUERY.
func Method(b []byte) (name string, standard bool) {
	switch string(b) {
	case http.MethodGet:
		return http.MethodGet, true
	case http.MethodPost:
		return http.MethodPost, true
	case http.MethodPut:
		return http.MethodPut, true
	case http.MethodDelete:
		return http.MethodDelete, true
	case http.MethodHead:
		return http.MethodHead, true
	case http.MethodOptions:
		return http.MethodOptions, true
	case http.MethodPatch:
		return http.MethodPatch, true
	case http.MethodTrace:
		return http.MethodTrace, true
	case http.MethodConnect:
		return http.MethodConnect, true
	case "QUERY":
		return "QUERY", true
	}
	return string(b), false
}

// Known reports whether a method is one that the conventions know.
func Known(b []byte) bool {
	switch string(b) {
	case http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodHead,
		http.MethodOptions, http.MethodPatch, http.MethodTrace, http.MethodConnect, "QUERY":
		return true
	}
	return false
}

// BodySent reports whether a response to the method with the status has a body:
// RFC 9110 sections 9.3.2, 15.3.5 and 15.4.5.
func BodySent(method string, status int) bool {
	return method != http.MethodHead && status != http.StatusNoContent && status != http.StatusNotModified
}
