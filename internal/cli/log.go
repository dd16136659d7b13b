package cli

import (
	"io"
	"log/slog"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// Logging is the flags for the log.
type Logging struct{ level, format string }

var logLevels = []string{"debug", "info", "warn", "error"}

// Flags adds --log-level and --log-format to cmd.
func (l *Logging) Flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&l.level, "log-level", "info", "lowest `LEVEL` to log: "+strings.Join(logLevels, ", "))
	f.StringVar(&l.format, "log-format", "text", "`FORMAT` of the log: text, json")
	Complete(cmd, "log-level", logLevels...)
	Complete(cmd, "log-format", "text", "json")
}

// Logger returns a logger to w, or a usage error if a flag has a wrong value.
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
