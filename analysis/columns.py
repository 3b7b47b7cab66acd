"""The frame's columns: name, unit, which direction is better, meaning with its equation."""

NATS, TEXT, COUNT, SHARE = "nats per image", "text", "count", "share"
FLAG, SECONDS = "true or false", "seconds"
LOSS = "weighted squared error per pixel"
SIMILARITY = "MS-SSIM, at most 1"
UP, DOWN = "higher is better", "lower is better"
CLASSIFIERS = {  # of mu(x), Appendix G
    "logistic": "logistic regression",
    "svm_linear": "a support vector machine with linear kernel",
    "svm_rbf": "a support vector machine with radial basis functions",
    "knn": "the 5 nearest neighbours",
}
CORRUPTIONS = (  # CIFAR-10-C; overall: one of the others drawn for each image
    *("gaussian_noise", "shot_noise", "impulse_noise", "defocus_blur", "glass_blur"),
    *("motion_blur", "zoom_blur", "snow", "frost", "fog", "brightness", "contrast"),
    *("elastic_transform", "pixelate", "jpeg_compression", "speckle_noise", "gaussian_blur"),
    *("spatter", "saturate", "overall"),
)

# name: (unit, direction, meaning). ELBO(x) = E_q[log p(x|z) + log p(z) - log q(z|x)], Eq. 2.
TRIAL_COLUMNS = {
    "key": (TEXT, "", "the trial's name: readable part and hash of its fields"),
    "kind": (TEXT, "", "vae, diffusion or two_sample"),
    "state": (TEXT, "", "done, failed or partial, measured by the epochs that the study asked for"),
    "dataset": (TEXT, "", "data set, or path of an .npz file"),
    "train_size": (COUNT, "", "images in D_train"),
    "split": (COUNT, "", "seed of the permutation whose first train_size images are D_train"),
    "source": (
        TEXT,
        "",
        "training distribution: normal, dmaapx, aug_naive, aug_tuned, ...",
    ),
    "source_real_share": (SHARE, "", "share of real images in a batch"),
    "source_k": (COUNT, "", "distinct diffusion samples in units of |D_train|"),
    "source_diffusion_share": (SHARE, "", "share of D_train that the diffusion model saw"),
    "source_pool": (TEXT, "", "key of the diffusion trial, or name of the imported pool"),
    "source_augment": (TEXT, "", "augmentation: naive or tuned (Tables 8-10)"),
    "source_augment_strength": (TEXT, "", "draws of strengths: normal, uniform or uniform_pos"),
    "source_augment_probability": (SHARE, "", "of each transformation; missing: the data set's"),
    "source_augment_flip": (TEXT, "", "Table 10's flip with probability 1: coin or always"),
    "source_augment_shift": ("1", "", "std of a fractional translation, in widths; 0: none"),
    "source_augment_filter": (TEXT, "", "of the affine resampling: bilinear or sym6"),
    "source_keep_real": (FLAG, "", "no threshold after augmenting binary images"),
    "source_mollify_epochs": (COUNT, "", "length of the mollification schedule in epochs (B.6)"),
    "source_requantise": (FLAG, "", "mollified images are rounded to levels"),
    "half_asleep_from": (COUNT, "", "epochs until reverse half asleep begins (5.2); 0: never"),
    "half_asleep_source": (TEXT, "", "z of the decoder's samples: qz (of q) or prior"),
    "half_asleep_mix": (TEXT, "", "samples beside real images (half), or only_samples"),
    "network": (TEXT, "", "residual or fully_connected"),
    "likelihood": (TEXT, "", "mixture, gaussian or bernoulli"),
    "m_z": (COUNT, "", "latent multiplier: channels of z (residual), d_z / 16 (fully-connected)"),
    "n_c": (COUNT, "", "inner channels (residual), hidden width (fully-connected)"),
    "seed": (COUNT, "", "seed of the weights and of every draw in training"),
    "lr": ("1", "", "Adam's learning rate"),
    "batch": (COUNT, "", "images in a batch"),
    "weight_decay": ("1", "", "weight decay of Adam"),
    "grad_clip": ("1", "", "largest norm of the gradient; missing: not clipped"),
    "lr_decay_epochs": (COUNT, "", "length of the cosine decay of lr to 0; 0: constant"),
    "mixtures": (COUNT, "", "K, components of the mixture of logistics per pixel"),
    "mol_mix": (TEXT, "", "mixture over colours: joint or per_channel"),
    "sigma": ("1", "", "standard deviation of the Gaussian likelihood on [0, 1]"),
    "gauss_mean_act": (TEXT, "", "activation of the Gaussian's mean: none or sigmoid"),
    "latent_reading": (TEXT, "", "m_z_channels (d_z = 64 m_z at 32 x 32) or channels_x64"),
    "res_inplace_quirk": (FLAG, "", "skip connections carry relu(x) instead of x"),
    "res_second_kernel": (COUNT, "", "side of a residual block's second kernel: 3 or 1"),
    "batch_norm": (FLAG, "", "batch normalization in the fully-connected network"),
    "binarise": (TEXT, "", "how BinaryMNIST is made: threshold, static_bernoulli or dynamic"),
    "share": (SHARE, "", "share of D_train that the diffusion model sees (Appendix B.8)"),
    "channels": (COUNT, "", "channels of the diffusion U-Net at multiplier 1"),
    "multipliers": (TEXT, "", "of the channels, one per resolution of the U-Net"),
    "blocks": (COUNT, "", "residual blocks per resolution of the U-Net"),
    "attention": (TEXT, "", "sides of the feature maps at which the U-Net has attention"),
    "dropout": (SHARE, "", "share of activations that training sets to 0"),
    "ramp_images": (COUNT, "", "images over which lr grows linearly to its value"),
    "ema_images": (COUNT, "", "half-life of the averaged weights, in images trained on"),
    "precision": (TEXT, "", "of the networks' arithmetic in training: auto, float32 or bf16"),
    "pool": (TEXT, "", "of a two-sample trial: as source_pool"),
    "real": (TEXT, "", "images that a two-sample trial compares with samples: train or test"),
    "images": (COUNT, "", "of each class in a two-sample trial; missing: as many as real ones"),
    "stages": (COUNT, "", "of the ResNet that tells samples from real images; 4: ResNet-18"),
    "momentum": ("1", "", "of stochastic gradient descent"),
}
ROW_COLUMNS = {
    "epoch": (COUNT, "", "effective epochs trained: passes over |D_train| images, from 1"),
    "train_elbo": (NATS, UP, "mean of ELBO(x) over the real D_train (Eq. 2)"),
    "test_elbo": (NATS, UP, "mean of ELBO(x) over D_test (Eq. 2)"),
    "source_elbo": (NATS, UP, "mean of ELBO(x) over the training distribution"),
    "generalization_gap": (NATS, DOWN, "G_g = train_elbo - test_elbo (Eq. 3)"),
    "amortization_gap": (NATS, DOWN, "G_a = mean of ELBO* - ELBO over D_test (Eq. 4)"),
    "robustness_gap": (
        "1",
        DOWN,
        "G_r = MS-SSIM(x^r, x^a) - MS-SSIM of their reconstructions (Eq. 5)",
    ),
    "optimal_elbo": (NATS, UP, "mean of ELBO* over amortization_images of D_test (Eq. 4)"),
    "encoder_elbo": (NATS, UP, "mean of ELBO over the same images, with the same draws (Eq. 4)"),
    "amortization_images": (COUNT, "", "images of D_test whose q is optimized"),
    "amortization_steps": (COUNT, "", "gradient steps on the q of each image"),
    "ms_ssim_input": (SIMILARITY, "", "mean of MS-SSIM(x^r, x^a) over the attacks (Eq. 5)"),
    "ms_ssim_reconstruction": (SIMILARITY, UP, "as ms_ssim_input, of their reconstructions' means"),
    "symmetric_kl": ("nats", DOWN, "mean of SKL(q(z|x^a), q(z|x^r)), which the attack maximizes"),
    "robustness_gap_sample": ("1", DOWN, "G_r of reconstructions drawn from p(x|z) (Eq. 5)"),
    "ms_ssim_reconstruction_sample": (SIMILARITY, UP, "MS-SSIM of reconstructions drawn"),
    "robustness_images": (COUNT, "", "images x^r that are attacked"),
    "robustness_references": (TEXT, "", "stratified by class, unstratified, or all there are"),
    "robustness_variant": (TEXT, "", "MS-SSIM: kuzina (the attack's paper) or standard"),
    "psnr_mean": ("dB", UP, "10 log10(1 / squared error), reconstructions' means (Table 11)"),
    "psnr_sample": ("dB", UP, "as psnr_mean, reconstructions drawn from p(x|z) (Table 11)"),
    "interpolation_log_q": ("nats", UP, "mean of log q(z|x~) along an interpolation (Fig 3)"),
    "interpolation_mean": (TEXT, "", "mean over pairs of log q(z|x~), a JSON list over alpha"),
    "interpolation_first": (TEXT, "", "as interpolation_mean, of the first pair alone (Fig 3)"),
    "corruptions": (TEXT, "", "of CIFAR-10-C: official files, or generated here"),
    "sample_quality_extractor": (TEXT, "", "features of FID and IS: inception or classifier"),
    "amortization_absent": (TEXT, "", "why the amortization gap was not measured"),
    "robustness_absent": (TEXT, "", "why the robustness gap was not measured"),
    "psnr_absent": (TEXT, "", "why PSNR was not measured"),
    "representation_absent": (TEXT, "", "why accuracy was not measured"),
    "corruption_absent": (TEXT, "", "why accuracy on corruptions was not measured"),
    "sample_quality_absent": (TEXT, "", "why FID and IS was not measured"),
    "smoothness_absent": (TEXT, "", "why roughness was not measured"),
    "roughness": ("nats", DOWN, "sum of |changes of log q| along an interpolation (Fig 3)"),
    "fid": ("1", DOWN, "Frechet inception distance of samples to D_test (Table 11)"),
    "inception_score": ("1", UP, "of samples (Table 11)"),
    "accuracy": (SHARE, "", "of telling samples from real images, held out (Fig 18); 0.5: chance"),
    "train_accuracy": (SHARE, UP, "as accuracy, of the images trained on (Appendix D.3)"),
    "data": (TEXT, "", "where the images come from: official, jpeg (JPEG copy of CIFAR-10), ..."),
    "fingerprint": (TEXT, "", "of these images: the start of their SHA-256"),
    "train_kl": (NATS, "", "mean of KL(q(z|x) || p(z)) over D_train"),
    "test_kl": (NATS, "", "mean of KL(q(z|x) || p(z)) over D_test"),
    "train_reconstruction": (NATS, UP, "mean of E_q[log p(x|z)] over D_train"),
    "test_reconstruction": (NATS, UP, "mean of E_q[log p(x|z)] over D_test"),
    "test_bits_per_dim": (
        "bits per dimension",
        DOWN,
        "-test_elbo / (D ln 2), D the dimensions of an image",
    ),
    "loss": (
        LOSS,
        DOWN,
        "denoising loss (EDM), weighted to be the network's squared error; dropout included; "
        "of a two-sample trial its cross entropy in nats",
    ),
    "train_loss": (LOSS, DOWN, "loss of the averaged weights on the share of D_train"),
    "test_loss": (LOSS, DOWN, "loss of the averaged weights on D_test"),
    "parameters": (COUNT, "", "all parameters; of a VAE parameters_z + parameters_rest"),
    "parameters_z": (COUNT, "", "|Theta_z|: parameters of the layers next to z (section 4.2)"),
    "parameters_rest": (COUNT, "", "|Theta_not-z|: all other parameters"),
    "d_z": (COUNT, "", "dimensions of z"),
    "seconds": (SECONDS, "", "training time so far, measuring excluded"),
    "images_per_s": ("images per second", UP, "training throughput"),
}
ROW_COLUMNS |= {
    f"accuracy_{name}": (SHARE, UP, f"of {words} on mu(x), test images (Table 11)")
    for name, words in CLASSIFIERS.items()
}
ROW_COLUMNS |= {
    f"accuracy_{name}__{corruption}": (SHARE, UP, f"of {words} under {corruption} (Fig 4, 19)")
    for name, words in CLASSIFIERS.items()
    for corruption in CORRUPTIONS
}
COLUMNS = TRIAL_COLUMNS | ROW_COLUMNS
