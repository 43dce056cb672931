// Command interop is other people's transparency-log software, put to two uses: to write a log that provlog didn't
// write, and to read one that it did. It is made of tessera and of Go's own sumdb packages, and knows nothing of
// provlog: no format in it is ours.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
)

const usage = `usage:
  interop keygen ORIGIN KEYFILE              make a log key, print its vkey
  interop write [-change N] DIR KEYFILE SIZE append to the log in DIR until it has SIZE entries; -change gives
                                             entry N other bytes
  interop read LOG VKEY [CHECKPOINT]...      verify all of the log at a URL or in a folder, and that it extends
                                             checkpoints in files
`

var errUsage = errors.New("not a command")

func main() {
	flag.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	flag.Parse()
	switch err := run(context.Background(), flag.Args()); {
	case errors.Is(err, errUsage):
		flag.Usage()
		os.Exit(2)
	case err != nil:
		fmt.Fprintf(os.Stderr, "interop: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errUsage
	}
	switch command, args := args[0], args[1:]; {
	case command == "keygen" && len(args) == 2:
		return keygen(args[0], args[1])
	case command == "write":
		flags := flag.NewFlagSet(command, flag.ExitOnError)
		flags.Usage = flag.Usage
		change := flags.Int64("change", -1, "")
		_ = flags.Parse(args) // It exits.
		if flags.NArg() != 3 {
			return errUsage
		}
		size, err := strconv.ParseUint(flags.Arg(2), 10, 64)
		if err != nil {
			return fmt.Errorf("SIZE: %w", err)
		}
		return write(ctx, flags.Arg(0), flags.Arg(1), size, *change)
	case command == "read" && len(args) >= 2:
		return read(ctx, args[0], args[1], args[2:])
	}
	return errUsage
}
