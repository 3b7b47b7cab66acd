"""Provides the corruptions of CIFAR-10-C (Appendix F): official files, or 19 implementations."""
