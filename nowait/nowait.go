// Package nowait writes to TCP connections as much as the kernel takes at once, which is cheaper than a write that may have to wait.
//
// It does so on Linux. Elsewhere [Raw] knows no connection for it.
package nowait
