// Command hostseal is the client of Hostseal without Python: one static file.
package main

import (
	"os"
	"runtime"

	"hostseal/command"
	"hostseal/place"
)

// The main thread is that of what starts processes: they are told when it ends.
func init() { runtime.LockOSThread() }

func main() {
	start := command.Start{Arguments: os.Args, Now: now()}
	if path, err := os.Executable(); err == nil {
		start.Home = place.Home(path)
	}
	edge(&start)
	os.Exit(command.Run(start))
}
