package audit

// Report is what a verification of the stored chain found.
type Report struct {
	// Head is as far as the chain is good; the whole chain if Fault is nil.
	Head Head
	// Fault is the first thing that is wrong; nil if nothing is.
	Fault *Fault
	// Agreed are the checkpoints that the chain agrees with.
	Agreed []Checkpoint
	// Unusable says which checkpoints could not be used, and why.
	Unusable []string
	// Warnings are weaknesses that are no proof of tampering, such as a missing
	// trigger or no checkpoint at all.
	Warnings []string
}
