// Package buildinfo says which build of the agent this is.
package buildinfo

// Version is set by the linker.
var Version = "unknown"
