package directory_test

func crashChild() bool { return false }
