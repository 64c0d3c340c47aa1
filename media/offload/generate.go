package offload

// Only regenerating needs clang and the headers of libbpf and of the kernel.
//
//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -cc clang -strip llvm-strip -cflags "-O2 -g -Wall -Werror -mcpu=v3" -type key -type flow -type slot forward bpf/forward.c
