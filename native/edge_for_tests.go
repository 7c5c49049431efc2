//go:build edges

package main

import (
	"encoding/json"
	"os"
	"strconv"
	"time"

	"hostseal/command"
	"hostseal/guard"
)

// now is the instant that a test names; this file is in no client that is shipped.
func now() int64 {
	if at, err := strconv.ParseInt(os.Getenv("HOSTSEAL_TEST_NOW"), 10, 64); err == nil {
		return at
	}
	return time.Now().Unix()
}

func edge(start *command.Start) {
	if home := os.Getenv("HOSTSEAL_TEST_HOME"); home != "" {
		start.Home, start.Called = home, "python cmd/cli.py"
	}
	if text := os.Getenv("HOSTSEAL_TEST_WATCH"); text != "" {
		start.Called = "python cmd/cli.py"
		start.Watch = func(watch *guard.Watch) {
			if err := json.Unmarshal([]byte(text), watch); err != nil {
				panic(err)
			}
		}
	}
}
