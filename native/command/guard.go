package command

import "hostseal/guard"

const (
	usualInterval  = 3600
	checkSeconds   = 60
	programSeconds = 10
	commandSeconds = 60
	gapSeconds     = 5
)

// guardProgram keeps checking the licence, beside or around a running product.
func guardProgram(s *session, of parsed) int {
	interval := float64(of.number("--interval", usualInterval))
	watch := &guard.Watch{
		Client:         s.client,
		CheckSeconds:   checkSeconds,
		CLI:            s.cli,
		Interval:       interval,
		Metrics:        of.text("--metrics"),
		OnEnd:          of.text("--on-end"),
		Files:          []string{s.place.License(), s.place.Revocations(), s.place.Trust()},
		ProgramSeconds: programSeconds,
		CommandSeconds: commandSeconds,
		GapSeconds:     gapSeconds,
		Remark:         s.remark,
	}
	if interval < programSeconds { // nothing outlives a check by more than an interval
		watch.ProgramSeconds = interval
	}
	if s.start.Watch != nil {
		s.start.Watch(watch)
	}
	code, wrong := watch.Run(of.arguments, s.start.Arguments)
	orRefuse(wrong)
	return code
}
