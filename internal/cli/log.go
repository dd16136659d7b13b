package cli

import (
	"io"
	"log/slog"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// Logging is what flags say about the log.
type Logging struct{ level, format string }

var logLevels = []string{"debug", "info", "warn", "error"}

// Flags adds the flags to cmd.
func (l *Logging) Flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&l.level, "log-level", "info", "log from `LEVEL` on: "+strings.Join(logLevels, ", "))
	f.StringVar(&l.format, "log-format", "text", "write the log as `FORMAT`: text, json")
	Complete(cmd, "log-level", logLevels...)
	Complete(cmd, "log-format", "text", "json")
}

// Logger returns what logs to w, or says which flag is wrong.
func (l *Logging) Logger(w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if !slices.Contains(logLevels, l.level) || level.UnmarshalText([]byte(l.level)) != nil {
		return nil, Usagef("--log-level %q: want one of %s", l.level, strings.Join(logLevels, ", "))
	}
	options := &slog.HandlerOptions{Level: level}
	switch l.format {
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return nil, Usagef("--log-format %q: want text or json", l.format)
}
