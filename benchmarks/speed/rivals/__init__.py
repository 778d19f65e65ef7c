"""One file for each rival: a class that takes whole training steps, with the same answers as all others."""
