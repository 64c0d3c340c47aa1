package main
import ("context";"io")
func rtp(ctx context.Context, args []string, stdout, stderr io.Writer) error { return nil }
func serveMedia(ctx context.Context, args []string, stdout, stderr io.Writer) error { return nil }
