package blockkit

// Problem placeholder
type Problem struct{ Pointer, Code, Message string }

// ValidateMessage x
func ValidateMessage(raw []byte) []Problem { return nil }

// ValidateView x
func ValidateView(raw []byte) []Problem { return nil }
