package httpspan

import "strconv"

// Version writes a protocol version as network.protocol.version has it: "1.1",
// "2"; "" for major 0.
func Version(major, minor uint8) string {
	switch {
	case major == 1 && minor <= 9:
		const versions = "1.01.11.21.31.41.51.61.71.81.9"
		return versions[3*int(minor) : 3*int(minor)+3]
	case major == 2 || major == 3:
		return "23"[major-2 : major-1]
	case major == 0:
		return ""
	}
	return strconv.Itoa(int(major)) + "." + strconv.Itoa(int(minor))
}
