package httpspan

// The values of error.type for an exchange that came to no complete response.
const (
	Reset   = "connection_reset"  // torn down by the peer or the network
	Closed  = "connection_closed" // closed by either side in mid-exchange
	Timeout = "timeout"           // nothing moved any more
	Exit    = "process_exit"      // the process went away
)

// Describe says in a few words what such a value means.
func Describe(failure string) string {
	switch failure {
	case Reset:
		return "connection reset before the response was complete"
	case Timeout:
		return "no complete response in time"
	case Exit:
		return "process ended before the response was complete"
	}
	return "connection closed before the response was complete"
}
