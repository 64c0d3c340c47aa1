package tap

import "io"

// SetCreate has files of f opened by create.
func (f *File) SetCreate(create func(path string) (io.WriteCloser, error)) { f.create = create }
