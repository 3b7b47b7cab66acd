"""The corruptions of CIFAR-10-C (Appendix F): official files, or the 19 made here."""
