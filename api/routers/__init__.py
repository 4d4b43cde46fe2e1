"""One router a service; handlers are thin: parameters in, a read, a reply out."""
